"""What earlier runs left in the metadata store, read with sqlite3: ML Metadata's own library takes seconds to import.

Read-only. The tables are those of ML Metadata's schema version 10, which its SQLite store has had since 1.14.
"""

import contextlib
import dataclasses
import json
import pathlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from pipeline.run.fingerprints import Fingerprint

COMPLETE, CACHED = 3, 5
INPUT, OUTPUT = (3, 5), (4, 6)  # the second of each is what a resolver has
LIVE = 2


@dataclasses.dataclass(frozen=True)
class Artifact:
    """An artifact, with its custom properties."""

    id: int
    uri: str
    live: bool
    properties: dict[str, Any]

    @property
    def usable(self) -> bool:
        """Whether a later run can still read it."""
        return self.live and pathlib.Path(self.uri).exists()


@dataclasses.dataclass(frozen=True)
class Execution:
    """One execution of a stage."""

    id: int
    stage: str
    state: int
    fingerprint: Fingerprint | None
    inputs: tuple[Artifact, ...]
    outputs: tuple[Artifact, ...]

    @property
    def finding(self) -> str:
        """The line that the stage has to say."""
        return next(
            (artifact.properties["finding"] for artifact in self.outputs if "finding" in artifact.properties), ""
        )

    @property
    def report(self) -> dict[str, Any]:
        """What the stage has for the summary."""
        texts = (artifact.properties["report"] for artifact in self.outputs if "report" in artifact.properties)
        return json.loads(next(texts, "{}"))


class History:
    """The executions of one pipeline, newest first."""

    def __init__(self, path: pathlib.Path, pipeline: str):
        """Opens nothing yet: a store that does not exist is an empty history."""
        self._path = path
        self._pipeline = pipeline

    def executions(self, stage: str, most: int = -1) -> list[Execution]:
        """Returns the executions of a stage, newest first: all of them, or so many at most."""
        with self._connect() as store:
            rows = store.execute(
                "SELECT e.id, e.last_known_state FROM Execution e JOIN Association a ON a.execution_id = e.id "
                "JOIN Context c ON c.id = a.context_id JOIN Type t ON t.id = c.type_id "
                "WHERE t.name = 'node' AND c.name = ? ORDER BY e.id DESC LIMIT ?",
                (f"{self._pipeline}.{stage}", most),
            ).fetchall()
            return [self._execution(store, stage, *row) for row in rows]

    def unfinished(self) -> list[int]:
        """Returns the ids of the executions that neither completed nor were taken from the cache."""
        with self._connect() as store:
            rows = store.execute("SELECT id FROM Execution WHERE last_known_state NOT IN (?, ?)", (COMPLETE, CACHED))
            return [row[0] for row in rows]

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        target = f"file:{self._path}?mode=ro" if self._path.exists() else ":memory:"
        store = sqlite3.connect(target, uri=self._path.exists(), timeout=10)
        try:
            if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'Execution'").fetchone():
                store.close()
                store = sqlite3.connect(":memory:")
                for table, columns in _EMPTY.items():
                    store.execute(f"CREATE TABLE {table} ({columns})")
            yield store
        finally:
            store.close()

    def _execution(self, store: sqlite3.Connection, stage: str, identifier: int, state: int) -> Execution:
        rows = store.execute(
            "SELECT name, string_value FROM ExecutionProperty "
            "WHERE execution_id = ? AND name IN ('fingerprint', 'custom_config')",
            (identifier,),
        )
        properties = dict(rows.fetchall())  # TFX's own Tuner and Trainer take ours inside of their custom_config
        text = properties.get("fingerprint") or json.loads(properties.get("custom_config") or "{}").get("fingerprint")
        return Execution(
            id=identifier,
            stage=stage,
            state=state,
            fingerprint=Fingerprint.from_json(text) if text else None,
            inputs=self._artifacts(store, identifier, INPUT),
            outputs=self._artifacts(store, identifier, OUTPUT),
        )

    def _artifacts(self, store: sqlite3.Connection, execution: int, events: tuple[int, int]) -> tuple[Artifact, ...]:
        rows = store.execute(
            "SELECT DISTINCT a.id, a.uri, a.state FROM Artifact a JOIN Event v ON v.artifact_id = a.id "
            "WHERE v.execution_id = ? AND v.type IN (?, ?) ORDER BY a.id",
            (execution, *events),
        ).fetchall()
        return tuple(Artifact(row[0], row[1], row[2] == LIVE, self._properties(store, row[0])) for row in rows)

    def _properties(self, store: sqlite3.Connection, artifact: int) -> dict[str, Any]:
        rows = store.execute(
            "SELECT name, coalesce(string_value, int_value, double_value) FROM ArtifactProperty WHERE artifact_id = ?",
            (artifact,),
        )
        return dict(rows.fetchall())


_EMPTY = {
    "Execution": "id, last_known_state",
    "Association": "execution_id, context_id",
    "Context": "id, name, type_id",
    "Type": "id, name",
}

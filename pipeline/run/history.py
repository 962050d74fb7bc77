"""Reads the executions of earlier runs from the metadata store with sqlite3: ML Metadata takes seconds to import.

The tables are those of schema version 10, which ML Metadata's SQLite store has had since 1.14; none is written to.
"""

import contextlib
import dataclasses
import json
import pathlib
import sqlite3
from collections.abc import Iterator
from typing import Any, Literal

from core import manifests, storage
from core.errors import UserError
from models.serving import model_versions
from pipeline.run.fingerprints import Fingerprint

COMPLETE, CACHED = 3, 5
INPUT, OUTPUT = 3, 4
LIVE = 2
# Temporary tables in place of those of a store that does not exist yet, or in which nothing has been recorded.
_EMPTY = """
    CREATE TEMP TABLE Execution (id, last_known_state);
    CREATE TEMP TABLE Association (execution_id, context_id);
    CREATE TEMP TABLE Context (id, name, type_id);
    CREATE TEMP TABLE Type (id, name);
"""


@dataclasses.dataclass(frozen=True)
class Artifact:
    """An artifact, with its custom properties, and the file that lists its files."""

    id: int
    uri: str
    live: bool
    properties: dict[str, Any]
    manifest: pathlib.Path

    def record_files(self) -> None:
        """Writes the manifest, with which later runs compare the files."""
        storage.write_json(self.manifest, manifests.of_folder(pathlib.Path(self.uri)))

    def damage(self, contents: bool = False) -> str:
        """Returns why a later run cannot read it: what is missing or has changed; empty where it can.

        Args:
            contents: whether the contents of the files are compared too, and not their sizes alone.
        """
        folder = pathlib.Path(self.uri)
        if not self.live or not folder.exists():
            return f"{folder} is missing"
        if found := manifests.difference(folder, storage.read_json(self.manifest), contents):
            return found
        version = self.properties.get("pushed_destination")
        return model_versions.damage(pathlib.Path(version), contents) if version else ""


@dataclasses.dataclass(frozen=True)
class Execution:
    """One execution of a stage."""

    id: int
    stage: str
    state: int
    fingerprint: Fingerprint | None
    inputs: tuple[Artifact, ...]
    outputs: tuple[Artifact, ...]

    def damage(self, contents: bool = False) -> str:
        """Returns what is wrong with its first output that a later run cannot read; empty where it can read all."""
        return next((found for artifact in self.outputs if (found := artifact.damage(contents))), "")

    @property
    def line(self) -> str:
        """The result of the stage in one line."""
        return str(self._recorded("finding", ""))

    @property
    def report(self) -> dict[str, Any]:
        """The report of the stage, as `components.base.stage_report` recorded it."""
        return dict(json.loads(self._recorded("report", "{}")))

    def _recorded(self, name: str, default: str) -> str:
        values = (artifact.properties[name] for artifact in self.outputs if name in artifact.properties)
        return next(values, default)


class History:
    """The executions of one pipeline, newest first; none where the store does not exist."""

    def __init__(self, path: pathlib.Path, pipeline: str):
        self._path = path
        self._manifests = path.parent / "artifacts" / ".files"
        self._pipeline = pipeline

    def recover(self) -> None:
        """Takes back a transaction that a killed run has not finished, for which SQLite has to write.

        No other thread of this process may use the store: SQLite would take its transaction for an unfinished one.
        """
        with self._connect("rw"):
            pass

    def executions(self, stage: str, most: int = -1) -> list[Execution]:
        """Returns the executions of a stage, newest first: all of them, or at most `most`."""
        with self._connect() as store:
            rows = store.execute(
                "SELECT e.id, e.last_known_state FROM Execution e JOIN Association a ON a.execution_id = e.id "
                "JOIN Context c ON c.id = a.context_id JOIN Type t ON t.id = c.type_id "
                "WHERE t.name = 'node' AND c.name = ? ORDER BY e.id DESC LIMIT ?",
                (f"{self._pipeline}.{stage}", most),
            ).fetchall()
            return [self._execution(store, stage, *row) for row in rows]

    def validated_statistics(self, digest: str) -> str | None:
        """Returns the folder of the last validated statistics, other than those of a fingerprint digest."""
        made = {artifact.id for execution in self.executions("StatisticsGen") for artifact in execution.outputs}
        for execution in self.executions("ExampleValidator"):
            known = execution.fingerprint.upstream.get("StatisticsGen") if execution.fingerprint else None
            if execution.state == COMPLETE and known not in (None, digest):
                found = [artifact.uri for artifact in execution.inputs if artifact.id in made and not artifact.damage()]
                if found:
                    return found[0]
        return None

    def ended_in_last_run(self) -> set[str]:
        """Returns the stages that have a result in the last run, made there or taken from the cache."""
        with self._connect() as store:
            rows = store.execute(
                "SELECT c.name FROM Execution e JOIN Association a ON a.execution_id = e.id "
                "JOIN Context c ON c.id = a.context_id JOIN Type t ON t.id = c.type_id "
                "WHERE t.name = 'node' AND e.last_known_state IN (?, ?) AND e.id IN (SELECT execution_id "
                "FROM Association WHERE context_id = (SELECT max(c.id) FROM Context c JOIN Type t ON t.id = c.type_id "
                "WHERE t.name = 'pipeline_run'))",
                (COMPLETE, CACHED),
            )
            return {row[0].removeprefix(f"{self._pipeline}.") for row in rows}

    def finished(self) -> set[int]:
        """Returns the ids of the executions, of all pipelines, that completed or were taken from the cache."""
        with self._connect() as store:
            rows = store.execute("SELECT id FROM Execution WHERE last_known_state IN (?, ?)", (COMPLETE, CACHED))
            return {row[0] for row in rows}

    @contextlib.contextmanager
    def _connect(self, mode: Literal["ro", "rw"] = "ro") -> Iterator[sqlite3.Connection]:
        target = f"{self._path.absolute().as_uri()}?mode={mode}" if self._path.exists() else "file::memory:"
        try:
            with contextlib.closing(sqlite3.connect(target, uri=True, timeout=10)) as store:
                if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'Execution'").fetchone():
                    store.executescript(_EMPTY)
                yield store
        except sqlite3.OperationalError as error:
            raise UserError(
                f"The metadata store {self._path} cannot be read: {error}. Check its permissions, and whether another "
                "program uses it."
            ) from error
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"The metadata store {self._path} is damaged: {error}. Remove it and start the same command again: "
                "all stages will run, and the served versions stay."
            ) from error

    def _execution(self, store: sqlite3.Connection, stage: str, identifier: int, state: int) -> Execution:
        rows = store.execute(
            "SELECT name, string_value FROM ExecutionProperty "
            "WHERE execution_id = ? AND name IN ('fingerprint', 'custom_config')",
            (identifier,),
        )
        properties = dict(rows.fetchall())  # TFX's Tuner and Trainer have no other property for it than custom_config
        text = properties.get("fingerprint") or json.loads(properties.get("custom_config") or "{}").get("fingerprint")
        return Execution(
            id=identifier,
            stage=stage,
            state=state,
            fingerprint=Fingerprint.from_json(text) if text else None,
            inputs=self._artifacts(store, identifier, INPUT),
            outputs=self._artifacts(store, identifier, OUTPUT),
        )

    def _artifacts(self, store: sqlite3.Connection, execution: int, event: int) -> tuple[Artifact, ...]:
        rows = store.execute(
            "SELECT DISTINCT a.id, a.uri, a.state FROM Artifact a JOIN Event v ON v.artifact_id = a.id "
            "WHERE v.execution_id = ? AND v.type = ? ORDER BY a.id",
            (execution, event),
        ).fetchall()
        return tuple(
            Artifact(number, uri, state == LIVE, self._properties(store, number), self._manifests / f"{number}.json")
            for number, uri, state in rows
        )

    def _properties(self, store: sqlite3.Connection, artifact: int) -> dict[str, Any]:
        rows = store.execute(
            "SELECT name, coalesce(string_value, int_value, double_value) FROM ArtifactProperty WHERE artifact_id = ?",
            (artifact,),
        )
        return dict(rows.fetchall())

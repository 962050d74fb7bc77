"""Leaky splits: rows of eval and test whose features are, value by value, those of a row of train.

Beam carries references to row groups to the workers and arrays of 64-bit hashes between them, never rows.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import duckdb
import numpy as np
import pyarrow as pa

from core import examples as examples_lib
from core import progress
from core.examples import RowGroup

TRAIN = "train"
SHOWN = 5  # leaked rows of a split that are named

_ROWS_PER_PARTITION = 4_000_000


@dataclasses.dataclass(frozen=True)
class Leak:
    """A row that two splits share; rows count from 0 within their row group."""

    split: str
    row_group: RowGroup
    row: int
    train_row_group: RowGroup
    train_row: int


@dataclasses.dataclass(frozen=True)
class Leaks:
    """What was found: how many rows of each split are in train too, and the first of them."""

    counts: Mapping[str, int]
    shown: tuple[Leak, ...]


@dataclasses.dataclass(frozen=True)
class _Hashes:
    """The hashes of the rows of one row group that fall into one partition."""

    split: str
    row_group: RowGroup
    hashes: np.ndarray  # uint64[rows of the partition]
    rows: np.ndarray  # uint32[rows of the partition]


def row_hashes(batch: pa.RecordBatch) -> np.ndarray:
    """Returns uint64[batch]: equal rows have equal hashes, and others almost never."""
    columns = ", ".join('"{}"'.format(name.replace('"', '""')) for name in batch.schema.names)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("batch", pa.Table.from_batches([batch]))
        return np.asarray(connection.execute(f"SELECT hash({columns}) AS hash FROM batch").fetchnumpy()["hash"])


def find(
    pipeline: beam.Pipeline, row_groups: Mapping[str, Sequence[RowGroup]], columns: Sequence[str], path: str
) -> None:
    """Adds to a pipeline what looks for leaks and writes them to a file, for `load`.

    Args:
        pipeline: the pipeline.
        row_groups: all row groups of each split.
        columns: the columns that make two rows equal.
        path: the file.
    """
    rows = sum(each.rows for groups in row_groups.values() for each in groups)
    partitions = max(4, -(-rows // _ROWS_PER_PARTITION))
    _ = (
        pipeline
        | "References" >> beam.Create([(split, each) for split, groups in row_groups.items() for each in groups])
        | "Spread" >> beam.Reshuffle()
        | "Hash" >> beam.ParDo(_HashRowGroup(columns, partitions, rows))
        | "Meet" >> beam.GroupByKey()
        | "Compare" >> beam.MapTuple(_compare)
        | "Gather" >> beam.CombineGlobally(_merge)
        | "Write" >> beam.Map(_write, path)
    )


def load(path: str) -> Leaks:
    """Returns the leaks that a pipeline has written."""
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    shown = [
        Leak(
            **{
                **each,
                "row_group": RowGroup(**each["row_group"]),
                "train_row_group": RowGroup(**each["train_row_group"]),
            }
        )
        for each in content["shown"]
    ]
    return Leaks(content["counts"], tuple(shown))


class _HashRowGroup(beam.DoFn):  # type: ignore[misc]
    """Gives (partition, hashes) of a row group."""

    def __init__(self, columns: Sequence[str], partitions: int, total: int) -> None:
        self._columns, self._partitions, self._total = list(columns), partitions, total

    def setup(self) -> None:
        self._done = 0

    def process(self, element: tuple[str, RowGroup]) -> Iterator[tuple[int, _Hashes]]:
        split, row_group = element
        hashes = row_hashes(examples_lib.read(row_group, self._columns))
        places = hashes % np.uint64(self._partitions)
        for partition in range(self._partitions):
            rows = np.flatnonzero(places == partition).astype(np.uint32)
            if len(rows):
                yield partition, _Hashes(split, row_group, hashes[rows], rows)
        self._done += row_group.rows
        progress.report(f"{self._done:,} rows looked up in train", self._done, self._total)


def _compare(partition: int, parts: Iterable[_Hashes]) -> Leaks:
    """Looks up the hashes of the other splits among train's."""
    parts = sorted(parts, key=lambda each: (each.split, each.row_group.file, each.row_group.index))
    train = [each for each in parts if each.split == TRAIN]
    if not train:
        return Leaks({}, ())
    known = np.concatenate([each.hashes for each in train])
    order = np.argsort(known, kind="stable")
    known = known[order]
    counts: dict[str, int] = {}
    shown: list[Leak] = []
    for part in parts:
        if part.split == TRAIN:
            continue
        places = np.minimum(np.searchsorted(known, part.hashes), len(known) - 1)
        leaked = np.flatnonzero(known[places] == part.hashes)
        for each in leaked[: max(0, SHOWN - counts.get(part.split, 0))]:
            row_group, row = _find(train, int(order[places[each]]))
            shown.append(Leak(part.split, part.row_group, int(part.rows[each]), row_group, row))
        counts[part.split] = counts.get(part.split, 0) + len(leaked)
    return Leaks(counts, tuple(shown))


def _find(train: Sequence[_Hashes], place: int) -> tuple[RowGroup, int]:
    """Returns where a row of the concatenated parts comes from."""
    for part in train:
        if place < len(part.hashes):
            return part.row_group, int(part.rows[place])
        place -= len(part.hashes)
    raise IndexError(place)


def _merge(found: Iterable[Leaks]) -> Leaks:
    counts: dict[str, int] = {}
    shown: list[Leak] = []
    for each in found:
        for split, count in each.counts.items():
            counts[split] = counts.get(split, 0) + count
        shown += each.shown
    shown.sort(key=lambda each: (each.split, each.row_group.file, each.row_group.index, each.row))
    first = [leak for split in counts for leak in [each for each in shown if each.split == split][:SHOWN]]
    return Leaks(counts, tuple(first))


def _write(leaks: Leaks, path: str) -> None:
    content: dict[str, Any] = {"counts": leaks.counts, "shown": [dataclasses.asdict(each) for each in leaks.shown]}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file)

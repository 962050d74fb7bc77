"""Finds the rows of eval and test whose features equal those of a row of train.

Beam carries references to row groups to the workers and arrays of 64-bit hashes between them, never rows.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam
import duckdb
import numpy as np
import pyarrow as pa

from core import examples as examples_lib
from core import progress, storage
from core.examples import RowGroup

TRAIN = "train"
SHOWN = 5  # shared rows of a split that are named

_ROWS_PER_PARTITION = 4_000_000


@dataclasses.dataclass(frozen=True)
class SharedRow:
    """A row that two splits share; rows count from 0 within their row group."""

    split: str
    row_group: RowGroup
    row: int
    train_row_group: RowGroup
    train_row: int


@dataclasses.dataclass(frozen=True)
class Overlap:
    """The number of rows of each split that are in train too, and the first of them."""

    counts: Mapping[str, int]
    shown: tuple[SharedRow, ...]


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
    """Adds the steps to a pipeline that find the overlap and write it to a file, for `load`.

    Args:
        pipeline: the pipeline.
        row_groups: all row groups of each split.
        columns: the columns that make two rows equal.
        path: the file.
    """
    rows = sum(group.rows for groups in row_groups.values() for group in groups)
    partitions = max(4, -(-rows // _ROWS_PER_PARTITION))
    _ = (
        pipeline
        | "References" >> beam.Create([(split, group) for split, groups in row_groups.items() for group in groups])
        | "Spread" >> beam.Reshuffle()
        | "Hash" >> beam.ParDo(_HashRowGroup(columns, partitions, rows))
        | "Group" >> beam.GroupByKey()
        | "Compare" >> beam.MapTuple(_compare)
        | "Gather" >> beam.CombineGlobally(_merge)
        | "ToJson" >> beam.Map(dataclasses.asdict)
        | "Write" >> beam.Map(functools.partial(storage.write_json, path))
    )


def load(path: str) -> Overlap:
    """Returns the overlap that a pipeline has written."""
    content = storage.read_json(path)
    groups = ("row_group", "train_row_group")
    shown = (SharedRow(**{**row, **{name: RowGroup(**row[name]) for name in groups}}) for row in content["shown"])
    return Overlap(content["counts"], tuple(shown))


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


def _compare(partition: int, parts: Iterable[_Hashes]) -> Overlap:
    """Looks up the hashes of the other splits among train's."""
    parts = sorted(parts, key=lambda part: (part.split, part.row_group.file, part.row_group.index))
    train = [part for part in parts if part.split == TRAIN]
    if not train:
        return Overlap({}, ())
    known = np.concatenate([part.hashes for part in train])
    order = np.argsort(known, kind="stable")
    known = known[order]
    counts: dict[str, int] = {}
    shown: list[SharedRow] = []
    for part in parts:
        if part.split == TRAIN:
            continue
        places = np.minimum(np.searchsorted(known, part.hashes), len(known) - 1)
        shared = np.flatnonzero(known[places] == part.hashes)
        for index in shared[: max(0, SHOWN - counts.get(part.split, 0))]:
            row_group, row = _find(train, int(order[places[index]]))
            shown.append(SharedRow(part.split, part.row_group, int(part.rows[index]), row_group, row))
        counts[part.split] = counts.get(part.split, 0) + len(shared)
    return Overlap(counts, tuple(shown))


def _find(train: Sequence[_Hashes], place: int) -> tuple[RowGroup, int]:
    """Returns where a row of the concatenated parts comes from."""
    for part in train:
        if place < len(part.hashes):
            return part.row_group, int(part.rows[place])
        place -= len(part.hashes)
    raise IndexError(place)


def _merge(found: Iterable[Overlap]) -> Overlap:
    counts: dict[str, int] = {}
    shown: list[SharedRow] = []
    for overlap in found:
        for split, count in overlap.counts.items():
            counts[split] = counts.get(split, 0) + count
        shown += overlap.shown
    shown.sort(key=lambda row: (row.split, row.row_group.file, row.row_group.index, row.row))
    first = [row for split in counts for row in [row for row in shown if row.split == split][:SHOWN]]
    return Overlap(counts, tuple(first))

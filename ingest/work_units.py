"""How the reading of a table is divided among workers, and what one of them does: a unit of files to split files."""

import contextlib
import dataclasses
import itertools
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import UserError
from core.examples import SplitWriter, arrow_schema, rows_in_group
from ingest import spans
from ingest.duckdb_errors import reading
from ingest.readers import json_lines, parquet, tfrecord
from ingest.readers.base import Piece, Reject
from ingest.readers.csv import reader as csv_reader
from ingest.source import Source
from ingest.sql import payloads, splits, user_query
from ingest.sql.connection import connect, first_row, name
from ingest.sql.payloads import Encoding
from ingest.sql.quantiles import Bucket, Interval, bucket_sql
from ingest.sql.splits import SplitRule
from ingest.table import Table, open_table

_REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())])
_REJECTS_AT_ONCE = 4_096


@dataclasses.dataclass(frozen=True)
class Unit:
    """What one worker reads at a time.

    Attributes:
        index: its place in the order of the rows.
        pieces: what it reads of which files.
    """

    index: int
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """How many bytes of files that is."""
        return sum(piece.size for piece in self.pieces)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a source becomes Examples.

    Attributes:
        source: what is read.
        encodings: the columns that Examples get, and how they hold them.
        rule: how rows get to the splits.
        boundaries: for a split by time: where each split but the first begins.
    """

    source: Source
    encodings: Mapping[str, Encoding]
    rule: SplitRule
    boundaries: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Counts:
    """What became of the rows of a unit, or of all units.

    Attributes:
        splits: how many rows each split got.
        read: how many rows the files have.
        rejects: how many of them cannot be read and were put aside.
    """

    splits: Mapping[str, int] = dataclasses.field(default_factory=dict)
    read: int = 0
    rejects: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        added = dict(Counter(self.splits) + Counter(other.splits))
        return Counts(added, self.read + other.read, self.rejects + other.rejects)


def divide(source: Source, size: int) -> list[Unit]:
    """Returns the units of a source, of about so many bytes each; one, if the query looks at the whole table.

    No unit holds files of two spans: what later stages keep of a span's files is then of use when the window moves on.
    """
    connection = connect(source.memory)
    try:
        divisible = user_query.reach(connection, source.query) != "whole table"
    finally:
        connection.close()
    pieces = [piece for file in source.files for piece in _pieces(source, file, size if divisible else sys.maxsize)]
    groups: list[list[Piece]] = []
    room, last = 0, None
    for piece in pieces:
        span = spans.label(source.patterns, piece.file) if divisible else ()
        if groups and (not divisible or (piece.size <= room and span == last)):
            groups[-1].append(piece)
            room -= piece.size
        else:
            groups.append([piece])
            room, last = size - piece.size, span
    return [Unit(index, tuple(group)) for index, group in enumerate(groups)]


def _pieces(source: Source, file: str, size: int) -> list[Piece]:
    if source.format == "csv":
        return csv_reader.pieces(file, source.dialect, size)
    if source.format == "jsonl":
        return json_lines.pieces(file, size)
    return parquet.pieces(file, size) if source.format == "parquet" else tfrecord.pieces(file, size)


class UnitReader:
    """Reads one unit: opens its pieces, and gives its rows to the splits.

    Example:
        with UnitReader(plan, unit) as reader:
            counts = reader.write("/artifacts/examples/1")
    """

    def __init__(self, plan: Plan, unit: Unit, threads: int | None = None) -> None:
        self._plan = plan
        self._unit = unit
        self._connection = connect(plan.source.memory, threads)

    def __enter__(self) -> "UnitReader":
        with reading(self._plan.source):
            self._table: Table = open_table(self._connection, self._plan.source, self._unit.pieces)
            self._table.views()
            described = self._connection.execute("DESCRIBE source_table").fetchall()
        self.types: dict[str, str] = {row[0]: row[1] for row in described}
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def write(self, uri: str, watch: Callable[[int, int], None] = lambda done, total: None) -> Counts:
        """Writes the unit's rows to `uri/Split-NAME/part-INDEX.parquet`, and its rejects to `uri/rejects`.

        Args:
            uri: the artifact's folder.
            watch: called after every batch with the rows that are done and all rows of the unit.

        Raises:
            UserError: a row cannot be read or does not fit, or rows came out in another number than they are.
        """
        part = f"part-{self._unit.index:05d}.parquet"
        with reading(self._plan.source):
            rejects = self._table.rejects() if self._plan.source.on_bad_rows == "quarantine" else ()
            num_rejects = write_rejects(os.path.join(uri, "rejects", part), rejects)
            written = self._write_splits(uri, part, watch)
            self._check(written, num_rejects)
        known = sum(len(each.rejects) for each in self._table.parts)
        return Counts(written, self._table.rows + known, num_rejects)

    def type_of(self, column: str) -> str:
        """Returns the DuckDB type of a column of the table.

        Raises:
            UserError: there is no such column.
        """
        if column not in self.types:
            raise UserError(
                f"The table has no column {column!r}; it has {', '.join(self.types)}. Has the data or the query "
                "changed? Correct `data:`, or take the column out of the configuration."
            )
        return self.types[column]

    def extent(self, column: str) -> tuple[float, float, int] | None:
        """Returns the least and the greatest time of the unit and how many there are; None if there is none."""
        key = splits.time_key(column, self._checked(column))
        with reading(self._plan.source):
            row = first_row(self._connection, f"SELECT min({key}), max({key}), count({key}) FROM source_table")
        return (row[0], row[1], row[2]) if row[2] else None

    def histogram(self, column: str, interval: Interval) -> dict[int, Bucket]:
        """Returns how many times of the unit are in which bucket of an interval."""
        key = splits.time_key(column, self._checked(column))
        with reading(self._plan.source):
            rows = self._connection.execute(
                f"SELECT {bucket_sql('key', interval)} AS bucket, count(*), min(key), max(key) "
                f"FROM (SELECT {key} AS key FROM source_table) GROUP BY 1 HAVING bucket IS NOT NULL"
            ).fetchall()
        return {int(bucket): Bucket(count, low, high) for bucket, count, low, high in rows}

    def _checked(self, column: str) -> Mapping[str, str]:
        splits.check_column(column, self.types)
        return self.types

    def _select(self) -> str:
        """Returns SQL for the rows as Examples hold them, with the names of their splits."""
        columns = [
            payloads.encoded(column, self.type_of(column), encoding)
            for column, encoding in self._plan.encodings.items()
        ]
        split = splits.expression(self._plan.rule, self.types, self._plan.boundaries)
        return f"SELECT {', '.join(columns)}, {split} AS {name(splits.COLUMN)} FROM source_table"

    def _write_splits(self, uri: str, part: str, watch: Callable[[int, int], None]) -> dict[str, int]:
        schema = arrow_schema({column: each.payload for column, each in self._plan.encodings.items()})
        writers = {
            each: SplitWriter(os.path.join(uri, f"Split-{each}", part), schema) for each in self._plan.rule.names
        }
        rows_at_once = rows_in_group(len(schema)) // 2
        batches = self._connection.sql(self._select()).to_arrow_reader(rows_at_once)
        rows = 0
        with contextlib.ExitStack() as stack:
            for writer in writers.values():
                stack.enter_context(writer)
            for table in _gathered(batches, rows_at_once):
                names = table.column(splits.COLUMN)
                for each, writer in writers.items():
                    chosen = table.filter(pc.equal(names, each))
                    if chosen.num_rows:
                        writer.write(payloads.to_lists(chosen, schema))
                rows += table.num_rows
                watch(rows, self._table.rows)
        return {each: writer.rows for each, writer in writers.items()}

    def _check(self, written: Mapping[str, int], num_rejects: int) -> None:
        """Raises UserError unless every row that the files have came out of them."""
        known = sum(len(each.rejects) for each in self._table.parts)
        due = self._table.rows - (num_rejects - known)
        found = sum(written.values())
        if user_query.reach(self._connection, self._plan.source.query) != "each row":
            found = int(first_row(self._connection, "SELECT count(*) FROM data")[0])
        if found != due:
            raise UserError(
                f"{self._unit.pieces[0].file}: {due:,} rows went in and {found:,} came out. Nothing was written. "
                "Convert the file to Parquet and try again."
            )


def _gathered(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Yields tables of about so many rows: of a wide table DuckDB gives some hundred rows at a time."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= rows:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def gather_rejects(uri: str) -> list[str]:
    """Puts the rejects of all units into `uri/rejects.parquet`, and returns the first ones as texts."""
    folder = os.path.join(uri, "rejects")
    if not os.path.isdir(folder):
        return []
    first: list[str] = []
    with pq.ParquetWriter(os.path.join(uri, "rejects.parquet"), _REJECTS, compression="zstd") as writer:
        for part in sorted(os.listdir(folder)):
            with pq.ParquetFile(os.path.join(folder, part)) as file:
                for batch in file.iter_batches():
                    writer.write_batch(batch)
                    first = first or [str(Reject(**row)) for row in batch.slice(0, 3).to_pylist()]
    shutil.rmtree(folder)
    return first


def write_rejects(path: str, rejects: Iterable[Reject]) -> int:
    """Writes rejects as Parquet (file, line, reason, text) and returns how many. Without any there is no file."""
    iterator, count = iter(rejects), 0
    with contextlib.ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        while some := list(itertools.islice(iterator, _REJECTS_AT_ONCE)):
            if writer is None:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                writer = stack.enter_context(pq.ParquetWriter(path, _REJECTS, compression="zstd"))
            writer.write_table(pa.Table.from_pylist([dataclasses.asdict(each) for each in some], schema=_REJECTS))
            count += len(some)
    return count

"""Divides the reading of a table among workers, and writes the rows of one unit of work to the splits."""

import contextlib
import dataclasses
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from core.config.sections import Split
from core.errors import UserError
from core.examples import SplitWriter, arrow_schema, rows_in_group
from ingest import rejects, spans
from ingest.duckdb_errors import reading
from ingest.readers import READERS
from ingest.readers.base import Piece
from ingest.source import Source
from ingest.sql import payloads, splits, user_query
from ingest.sql.connection import connect, first_row, identifier
from ingest.sql.payloads import PayloadEncoding
from ingest.sql.quantiles import Bucket, Interval, bucket_sql
from ingest.table import Table, open_table


@dataclasses.dataclass(frozen=True)
class Unit:
    """The pieces of files that one worker reads at a time; `index` is its place in the order of the rows."""

    index: int
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """The size of the pieces in bytes."""
        return sum(piece.size for piece in self.pieces)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a source becomes Examples.

    Attributes:
        source: the table.
        encodings: the columns that Examples get, and how they hold them.
        split: how rows are assigned to splits.
        boundaries: for a split by time: the times at which each split but the first begins.
    """

    source: Source
    encodings: Mapping[str, PayloadEncoding]
    split: Split
    boundaries: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Counts:
    """The numbers of rows of a unit, or of all units.

    Attributes:
        splits: of each split.
        read: of the files.
        rejects: put aside because they cannot be read.
    """

    splits: Mapping[str, int] = dataclasses.field(default_factory=dict)
    read: int = 0
    rejects: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        splits = dict(Counter(self.splits) + Counter(other.splits))
        return Counts(splits, self.read + other.read, self.rejects + other.rejects)


def divide(source: Source, size: int) -> list[Unit]:
    """Returns the units of a source, of about `size` bytes each; a single one if the query needs the whole table.

    No unit holds files of two spans: later stages cache what they compute of a span.
    """
    with connect(source.data.memory) as connection:
        divisible = user_query.reach(connection, source.data.query) != "whole table"
    reader, limit = READERS[source.format], size if divisible else sys.maxsize
    pieces = [piece for file in source.files for piece in reader.pieces(file, source, limit)]
    groups: list[list[Piece]] = []
    room, last = 0, None
    for piece in pieces:
        span = spans.label(source.data.files, piece.file) if divisible else ()
        if groups and (not divisible or (piece.size <= room and span == last)):
            groups[-1].append(piece)
            room -= piece.size
        else:
            groups.append([piece])
            room, last = size - piece.size, span
    return [Unit(index, tuple(group)) for index, group in enumerate(groups)]


class UnitReader:
    """Opens the pieces of one unit, and writes its rows to the splits; a context manager."""

    def __init__(self, plan: Plan, unit: Unit, threads: int | None = None) -> None:
        self._plan = plan
        self._unit = unit
        self._connection = connect(plan.source.data.memory, threads)

    def __enter__(self) -> "UnitReader":
        with reading(self._plan.source):
            self._table: Table = open_table(self._connection, self._plan.source, self._unit.pieces)
            self._table.create_views()
            described = self._connection.execute("DESCRIBE source_table").fetchall()
        self.types: dict[str, str] = {row[0]: row[1] for row in described}
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def write(self, uri: str, watch: Callable[[int, int], None] = lambda done, total: None) -> Counts:
        """Writes the unit's rows to `uri/Split-NAME/part-INDEX.parquet`, and its rejects to `uri/rejects`.

        Args:
            uri: the artifact's folder.
            watch: called after every batch with the number of rows that are done and of all rows of the unit.

        Raises:
            UserError: a row cannot be read or does not fit, or another number of rows was written than read.
        """
        file_name = f"part-{self._unit.index:05d}.parquet"
        with reading(self._plan.source):
            rejected = self._table.rejects() if self._plan.source.data.on_bad_rows == "quarantine" else ()
            num_rejects = rejects.write(os.path.join(uri, "rejects", file_name), rejected)
            written = self._write_splits(uri, file_name, watch)
            self._check_counts(written, num_rejects)
        return Counts(written, self._table.rows + self._num_damaged, num_rejects)

    @property
    def _num_damaged(self) -> int:
        """The number of rejects that DuckDB does not read."""
        return sum(len(part.rejects) for part in self._table.parts)

    def type_of(self, column: str) -> str:
        """Returns the DuckDB type of a column of the table.

        Raises:
            UserError: there is no such column.
        """
        if column not in self.types:
            raise UserError(
                f"The table has no column {column!r}; it has {', '.join(self.types)}. Has the data or the query "
                "changed? Correct `data:`, or remove the column from the configuration."
            )
        return self.types[column]

    def extent(self, column: str) -> tuple[float, float, int] | None:
        """Returns the least and the greatest time of the unit, and their number; None if there is none."""
        key = splits.time_key(column, self.types)
        with reading(self._plan.source):
            row = first_row(self._connection, f"SELECT min({key}), max({key}), count({key}) FROM source_table")
        return (row[0], row[1], row[2]) if row[2] else None

    def histogram(self, column: str, interval: Interval) -> dict[int, Bucket]:
        """Returns the buckets of an interval that have times of the unit."""
        key = splits.time_key(column, self.types)
        with reading(self._plan.source):
            rows = self._connection.execute(
                f"SELECT {bucket_sql('key', interval)} AS bucket, count(*), min(key), max(key) "
                f"FROM (SELECT {key} AS key FROM source_table) GROUP BY 1 HAVING bucket IS NOT NULL"
            ).fetchall()
        return {int(bucket): Bucket(count, low, high) for bucket, count, low, high in rows}

    def _select(self) -> str:
        """Returns SQL for the rows as Examples hold them, with the names of their splits."""
        columns = [
            payloads.encoded(column, self.type_of(column), encoding)
            for column, encoding in self._plan.encodings.items()
        ]
        split = splits.expression(self._plan.split, self.types, self._plan.boundaries)
        return f"SELECT {', '.join(columns)}, {split} AS {identifier(splits.COLUMN)} FROM source_table"

    def _write_splits(self, uri: str, file_name: str, watch: Callable[[int, int], None]) -> dict[str, int]:
        schema = arrow_schema({column: encoding.payload for column, encoding in self._plan.encodings.items()})
        writers = {name: SplitWriter(os.path.join(uri, f"Split-{name}", file_name), schema) for name in splits.NAMES}
        rows_at_once = rows_in_group(len(schema)) // 2
        batches = self._connection.sql(self._select()).to_arrow_reader(rows_at_once)
        rows = 0
        with contextlib.ExitStack() as stack:
            for writer in writers.values():
                stack.enter_context(writer)
            for table in _joined(batches, rows_at_once):
                names = table.column(splits.COLUMN)
                for name, writer in writers.items():
                    chosen = table.filter(pc.equal(names, name))
                    if chosen.num_rows:
                        writer.write(payloads.to_lists(chosen, schema))
                rows += table.num_rows
                watch(rows, self._table.rows)
        return {name: writer.rows for name, writer in writers.items()}

    def _check_counts(self, written: Mapping[str, int], num_rejects: int) -> None:
        """Raises UserError unless every row of the files was written, or put aside."""
        due = self._table.rows - (num_rejects - self._num_damaged)
        found = sum(written.values())
        if user_query.reach(self._connection, self._plan.source.data.query) != "each row":
            found = int(first_row(self._connection, "SELECT count(*) FROM data")[0])
        if found != due:
            raise UserError(
                f"{self._unit.pieces[0].file}: {due:,} rows went in and {found:,} came out. Nothing was written. "
                "Convert the file to Parquet and try again."
            )


def _joined(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Yields tables of at least `rows` rows, since DuckDB gives a few hundred rows of a wide table at a time."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(batch.num_rows for batch in waiting) >= rows:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)

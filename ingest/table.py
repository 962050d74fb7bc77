"""A source opened on a connection: the rows that can be read, typed, and the rows that cannot, with their reasons."""

import dataclasses
import difflib
from collections.abc import Iterator, Sequence

import duckdb

from core.errors import UserError
from ingest.files import compression
from ingest.readers import json_lines, parquet, tfrecord
from ingest.readers.base import Part, Piece, Reject, reject
from ingest.readers.csv import reader as csv_reader
from ingest.source import Column, Source
from ingest.sql import casts, user_query
from ingest.sql.connection import name

_KINDS = {
    "BIGINT": "a whole number of 64 bits",
    "DOUBLE": "a finite number",
    "BOOLEAN": "true or false",
    "DATE": "a date",
    "TIMESTAMP": "a date with a time",
    "TIMESTAMP_NS": "a date with a time",
}
_MANY = 300  # columns: for more, DuckDB looks for common subexpressions longer than they would cost


@dataclasses.dataclass(frozen=True)
class Table:
    """A source whose files were found whole.

    Attributes:
        connection: where it is opened.
        source: what was opened.
        parts: its files as DuckDB reads them.
    """

    connection: duckdb.DuckDBPyConnection
    source: Source
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """How many rows DuckDB sees; some of them may hold bad values."""
        return sum(part.rows for part in self.parts)

    def views(self) -> None:
        """Makes the views `data`, the files, and `source_table`, what the query makes of them.

        Raises:
            UserError: the query is not one SELECT.
        """
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW data AS {self.data()}")
        chosen = "FROM data"
        if self.source.query is not None:
            user_query.check(self.connection, self.source.query)
            chosen = self.source.query.rstrip().rstrip(";")
            self.connection.sql(chosen)  # an error then shows the query as it was written
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW source_table AS {chosen}")

    def raw(self, parts: Sequence[Part] | None = None) -> str:
        """Returns SQL for the rows as the files hold them: texts in CSV and JSON lines."""
        return " UNION ALL BY NAME ".join(_scan(self.source, group) for group in _alike(parts or self.parts))

    def data(self) -> str:
        """Returns SQL for the rows with their types; a bad value is an error, or its row is left out."""
        columns, dialect = self.source.columns, self.source.dialect
        if self.source.format not in ("csv", "jsonl"):
            described = self.connection.execute(f"DESCRIBE {self.raw()}").fetchall()
            actual = {row[0]: row[1] for row in described}
            checked = (parquet.checked(column, actual[column.name]) for column in columns)
            return f"SELECT {', '.join(checked)} FROM ({self.raw()})"
        if self.source.on_bad_rows == "stop":
            return f"SELECT {', '.join(casts.checked(column, dialect) for column in columns)} FROM ({self.raw()})"
        typed = ", ".join(f"{casts.cast(column, dialect)} AS {name(column.name)}" for column in columns)
        return f"SELECT {typed} FROM ({self.raw()}) WHERE NOT {self._bad()}"

    def rejects(self) -> Iterator[Reject]:
        """Yields the rows that cannot be read, because they are damaged or hold a bad value, in their order."""
        for part in self.parts:
            has_texts = self.source.format in ("csv", "jsonl")
            bad_values = self._bad_values(part) if has_texts else ()
            yield from sorted([*part.rejects, *bad_values], key=lambda reject: reject.line)

    def _bad(self) -> str:
        checks = (casts.bad(column, self.source.dialect) for column in self.source.columns)
        return "(" + " OR ".join([*(check for check in checks if check != "false"), "false"]) + ")"

    def _bad_values(self, part: Part) -> Iterator[Reject]:
        """Yields the rows of a part that have a bad value."""
        checks = [casts.bad(column, self.source.dialect) for column in self.source.columns]
        which = "CASE " + " ".join(f"WHEN {check} THEN {index}" for index, check in enumerate(checks)) + " END"
        numbered = f"SELECT row_number() OVER () AS row_number, * FROM ({self.raw([part])})"
        found = self.connection.execute(f"SELECT row_number, {which} FROM ({numbered}) WHERE {self._bad()}").fetchall()
        if not found:
            return
        columns = {row: self.source.columns[index] for row, index in found}
        read = csv_reader.records_read(part) if self.source.format == "csv" else json_lines.records_read(part)
        for row, record in enumerate(read, start=1):
            if row in columns:
                reason = f"column {columns[row].name!r} is not {kind(columns[row])}"
                yield reject(part.piece.file, record.line, reason, record.text)


def kind(column: Column) -> str:
    """Returns what a value of a column must be, in words."""
    element = column.type.removesuffix("[]")
    words = f"a date written as {column.format}" if column.format else _KINDS.get(element, f"a value of type {element}")
    return words if element == column.type else f"a list, each value of it {words}"


def _alike(parts: Sequence[Part]) -> list[list[Part]]:
    """Returns the parts in groups that one scan can read, which it does faster than many."""
    groups: list[list[Part]] = []
    for part in parts:
        last = groups[-1][0] if groups else None
        if last is not None and _can_join(last, part):
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _can_join(one: Part, other: Part) -> bool:
    whole = one.piece.is_whole and other.piece.is_whole
    compressed = compression(one.path) == compression(other.path)
    return whole and compressed and (one.names, one.dialect) == (other.names, other.dialect)


def _scan(source: Source, parts: Sequence[Part]) -> str:
    paths = [part.path for part in parts]
    if source.format == "csv":
        return csv_reader.scan(paths, parts[0].names, parts[0].dialect)
    return json_lines.scan(paths, source.columns) if source.format == "jsonl" else parquet.scan(parts)


def open_table(connection: duckdb.DuckDBPyConnection, source: Source, pieces: Sequence[Piece] | None = None) -> Table:
    """Returns a source, or pieces of its files, opened on a connection, looked at from beginning to end.

    Raises:
        UserError: a file is damaged or has other columns, or rows cannot be read and must not be put aside.
    """
    if len(source.columns) > _MANY:
        connection.execute("SET disabled_optimizers = 'common_subexpressions'")
    read = [Piece(file) for file in source.files] if pieces is None else pieces
    table = Table(connection, source, tuple(prepare(connection, source, piece) for piece in read))
    for part in table.parts:
        if source.format != "jsonl":
            _check_columns(part, [column.name for column in source.columns])
        if part.rejects and source.on_bad_rows == "stop":
            raise bad_row(part.rejects[0])
    return table


def prepare(connection: duckdb.DuckDBPyConnection, source: Source, piece: Piece) -> Part:
    """Returns a piece of a source's files in a form that DuckDB reads to the last row."""
    if source.format == "csv":
        return csv_reader.prepare(connection, piece, source.dialect)
    if source.format == "jsonl":
        return json_lines.prepare(connection, piece, tuple(column.name for column in source.columns))
    if source.format == "tfrecord":
        return tfrecord.prepare(connection, piece, source.columns)
    return parquet.prepare(piece)


def _check_columns(part: Part, names: Sequence[str]) -> None:
    missing = [each for each in names if each not in part.names]
    extra = [each for each in part.names if each not in names]
    if missing or extra:
        near = difflib.get_close_matches(missing[0], extra, n=1) if missing and extra else []
        hint = f" Is {near[0]!r} meant to be {missing[0]!r}?" if near else ""
        what = [f"has no column {', '.join(map(repr, missing))}"] * bool(missing)
        what += [f"has the unknown column {', '.join(map(repr, extra))}"] * bool(extra)
        raise UserError(
            f"{part.piece.file} {' and '.join(what)}.{hint} "
            f"All files of a table need the same columns: {', '.join(names)}."
        )


def bad_row(reject: Reject) -> UserError:
    """Returns the error for a row that cannot be read and must not be put aside."""
    return UserError(f"{reject}. Correct the row, or put such rows aside by `data: {{on_bad_rows: quarantine}}`.")

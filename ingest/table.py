"""Opens a source on a DuckDB connection: its typed rows, and the rows that cannot be read."""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Sequence

import duckdb

from core.errors import UserError
from core.text import near_match
from ingest import hive
from ingest.files import compression
from ingest.readers import READERS
from ingest.readers.base import Part, Piece, Reader
from ingest.rejects import Reject
from ingest.source import Column, Source
from ingest.sql import casts, user_query
from ingest.sql.connection import first_row, identifier, mount

_MANY_COLUMNS = 300  # above, DuckDB takes longer to find common subexpressions than they would cost


@dataclasses.dataclass(frozen=True)
class Table:
    """A source, or pieces of its files, as parts of which DuckDB can read every row."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    parts: tuple[Part, ...]

    @property
    def reader(self) -> Reader:
        """The reader of the files' format."""
        return READERS[self.source.format]

    @property
    def rows(self) -> int:
        """The number of rows that DuckDB reads, those with bad values included."""
        return sum(part.rows for part in self.parts)

    def create_views(self) -> None:
        """Creates the views `data`, the rows of the files, and `source_table`, the result of the query.

        Raises:
            UserError: the query is not one SELECT.
        """
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW data AS {self.data()}")
        selected, query = "FROM data", self.source.data.query
        if query is not None:
            user_query.check_is_select(self.connection, query)
            selected = query.rstrip().rstrip(";")
            self.connection.sql(selected)  # an error then shows the query as the user wrote it
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW source_table AS {selected}")

    def lenient(self) -> "Table":
        """Returns the table in which columns with texts in another form than the usual one are read in all forms."""
        dialect, texts = self.source.dialect, ("VARCHAR", "VARCHAR[]")
        checks = {column.name: casts.bad(column, held, dialect) for column, held in self._held() if held in texts}
        tried = {name: f"bool_or({check})" for name, check in checks.items() if check != "false"}
        if not tried:
            return self
        found = first_row(self.connection, f"SELECT {', '.join(tried.values())} FROM ({self.raw()})")
        names = {name for name, is_bad in zip(tried, found, strict=True) if is_bad}
        if names:  # DuckDB would compute what the forms have in common for every row
            self.connection.execute("SET disabled_optimizers = 'common_subexpressions'")
        columns = tuple(dataclasses.replace(column, lenient=column.name in names) for column in self.source.columns)
        return dataclasses.replace(self, source=dataclasses.replace(self.source, columns=columns))

    def raw(self, parts: Sequence[Part] | None = None) -> str:
        """Returns SQL for the rows as the reader gives them: texts, or values of the file's own types."""
        groups = itertools.groupby(parts or self.parts, self._scan_key)
        return " UNION ALL BY NAME ".join(self._scan(list(group)) for _, group in groups)

    def _scan(self, parts: Sequence[Part]) -> str:
        rows = self.reader.scan(parts, self.source.in_files.columns)
        return hive.scan(rows, self.source.hive, parts[0].piece.file)

    def _scan_key(self, part: Part) -> tuple[object, ...]:
        """Returns what parts have in common that one scan can read, which is faster than many scans."""
        folder = os.path.dirname(part.piece.file) if self.source.hive else ""
        return part.names, part.dialect, compression(part.path), folder, None if part.piece.is_whole else part.piece

    def data(self) -> str:
        """Returns SQL for the rows with their types; a bad value is an error, or its row is left out."""
        held, dialect = self._held(), self.source.dialect
        if not self.reader.holds_texts or self.source.data.on_bad_rows == "stop":
            checked = ", ".join(casts.checked(column, held_type, dialect) for column, held_type in held)
            return f"SELECT {checked} FROM ({self.raw()})"
        typed = ", ".join(
            f"{casts.cast(column, held_type, dialect)} AS {identifier(column.name)}" for column, held_type in held
        )
        return f"SELECT {typed} FROM ({self.raw()}) WHERE NOT {self._has_bad_value()}"

    def _held(self) -> list[tuple[Column, str]]:
        """Returns the columns with the types that the reader gives."""
        if self.reader.holds_texts:
            return [(column, "VARCHAR[]" if column.type.endswith("]") else "VARCHAR") for column in self.source.columns]
        described = self.connection.execute(f"DESCRIBE {self.raw()}").fetchall()
        types = {row[0].casefold(): row[1] for row in described}
        return [(column, types[column.name.casefold()]) for column in self.source.columns]

    def rejects(self) -> Iterator[Reject]:
        """Yields the rows that cannot be read, because they are damaged or hold a bad value, in their order."""
        for part in self.parts:
            bad_values = self._bad_values(part) if self.reader.holds_texts else ()
            yield from sorted([*part.rejects, *bad_values], key=lambda reject: reject.line)

    def _has_bad_value(self) -> str:
        checks = (casts.bad(column, held, self.source.dialect) for column, held in self._held())
        return "(" + " OR ".join([*(check for check in checks if check != "false"), "false"]) + ")"

    def _bad_values(self, part: Part) -> Iterator[Reject]:
        """Yields the rows of a part that have a bad value."""
        checks = [casts.bad(column, held, self.source.dialect) for column, held in self._held()]
        which = "CASE " + " ".join(f"WHEN {check} THEN {index}" for index, check in enumerate(checks)) + " END"
        number = identifier("\x1frow")  # no file has a column of this name
        numbered = f"SELECT row_number() OVER () AS {number}, * FROM ({self.raw([part])})"
        query = f"SELECT {number}, {which} FROM ({numbered}) WHERE {self._has_bad_value()}"
        columns = {row: self.source.columns[index] for row, index in self.connection.execute(query).fetchall()}
        if not columns:
            return
        unit = part.unit or self.reader.unit
        for row, record in enumerate(self.reader.records(part), start=1):
            if row in columns:
                reason = f"column {columns[row].name!r} is not {casts.expected(columns[row])}"
                yield Reject.from_bytes(part.piece.file, record.line, reason, record.text, unit)


def open_table(connection: duckdb.DuckDBPyConnection, source: Source, pieces: Sequence[Piece] | None = None) -> Table:
    """Reads a source, or pieces of its files, from beginning to end and returns the table.

    Raises:
        UserError: a file is damaged or has other columns, or rows cannot be read and must not be put aside.
    """
    if len(source.columns) > _MANY_COLUMNS:
        connection.execute("SET disabled_optimizers = 'common_subexpressions'")
    mount(connection, source.files)
    opened = [Piece(file) for file in source.files] if pieces is None else pieces
    reader = READERS[source.format]
    in_files = source.in_files
    table = Table(connection, source, tuple(reader.prepare(connection, piece, in_files) for piece in opened))
    for part in table.parts:
        _check_columns(part, [column.name for column in in_files.columns])
        if part.rejects and source.data.on_bad_rows == "stop":
            raise part.rejects[0].error()
    return table


def _check_columns(part: Part, names: Sequence[str]) -> None:
    """Raises UserError where a part has other columns than the source."""
    found, wanted = ({name.casefold() for name in given} for given in (part.names, names))
    missing = [name for name in names if name.casefold() not in found]
    extra = [name for name in part.names if name.casefold() not in wanted]
    if missing or extra:
        near = near_match(missing[0], extra) if missing else None
        hint = f" Is {near!r} meant to be {missing[0]!r}?" if near else ""
        differences = [f"has no column {', '.join(map(repr, missing))}"] * bool(missing)
        differences += [f"has the unknown column {', '.join(map(repr, extra))}"] * bool(extra)
        raise UserError(
            f"{part.piece.file} {' and '.join(differences)}.{hint} "
            f"All files of a table need the same columns: {', '.join(names)}."
        )

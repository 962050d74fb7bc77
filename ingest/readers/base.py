"""Defines the interface of readers, and what they share: pieces of files, parts that DuckDB reads, records."""

import abc
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from core import storage
from core.config.sections import Csv
from core.errors import UserError
from core.text import listing
from ingest import files
from ingest.rejects import Reject
from ingest.source import Column, Dialect, Source, table_names
from ingest.sql.connection import paths_literal, temporary_file
from ingest.type_inference import TYPES_OF_TEXTS, infer


@dataclasses.dataclass(frozen=True)
class Piece:
    """The rows of a file that one worker reads.

    Attributes:
        file: the path of the file.
        start: the first byte; in Parquet, the first row.
        end: the byte, or row, after the last one; None for the end of the file.
        rows: the number of its rows; None where they are not counted.
        size: bytes, compressed or not, by which work is divided.
        rows_before: the number of records before it in the file, in formats whose unit is the record.
    """

    file: str
    start: int = 0
    end: int | None = None
    rows: int | None = None
    size: int = 0
    rows_before: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole file."""
        return self.start == 0 and self.end is None


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece that DuckDB can read to its last row.

    Attributes:
        piece: the piece of the user's file.
        path: the file that DuckDB reads: the user's or a copy.
        names: the columns of `path`, in its order.
        rows: how many rows DuckDB finds in it.
        dialect: CSV only: the dialect of `path`.
        rejects: the rows of the piece that are not in `path`.
        original: CSV only: a file in UTF-8 with the piece's lines as they are in the user's file, and its dialect.
        unit: what its records are counted in, where that is not the reader's unit.
    """

    piece: Piece
    path: str
    names: tuple[str, ...]
    rows: int
    dialect: Dialect = dataclasses.field(default_factory=Dialect)
    rejects: tuple[Reject, ...] = ()
    original: tuple[str, Dialect] | None = None
    unit: str | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    """A row as its file has it.

    Attributes:
        line: the line on which it begins, counted from 1.
        text: its bytes without the line end; only the first thousand where it is too long to be read.
        problem: why it cannot be read; None where it can.
    """

    line: int
    text: bytes
    problem: str | None = None


class Reader(abc.ABC):
    """Reads the files of one format. A subclass without state; an instance of it is an entry of READERS.

    `discover` calls `dialect` and `columns`, then `infer`. Later, `pieces` divides every file among workers; a worker
    calls `prepare` for each of its pieces and `scan` for the SQL of their rows. `scan` gives the columns of the source
    by name, in any order. Each row of a file is in exactly one piece, and there either in `scan` or in `Part.rejects`.
    Whatever is wrong with a file is a `UserError` that names it.

    The defaults suit a format whose `prepare` copies a whole file to Parquet.

    Attributes:
        suffixes: of the files, in lower case; `.gz` or `.zst` may follow, see `files.blocks`.
        holds_texts: whether `scan` gives texts, or lists of texts, which have yet to be cast to the columns' types.
        optional_columns: whether a row, and so a whole file, may lack a column, whose values are then missing.
        has_dialect: whether the section `data: {csv: ...}` applies.
        unit: how a row is called in messages: line or record.
        no_rows: what is said of a file in which there is no row.
        no_columns: what is said of a file in which there is no column.
    """

    suffixes: tuple[str, ...]
    holds_texts = False
    optional_columns = False
    has_dialect = False
    unit = "line"
    no_rows = "no rows"
    no_columns = "holds no columns. A table with columns was expected."

    def recognizes(self, name: str) -> bool:
        """Returns whether a file of this name, whose suffix no reader has, is of the format."""
        return False

    def dialect(self, file: str, given: Csv) -> Dialect:
        """Returns the dialect of a file: what is given, and for the rest what is found in the file."""
        return Dialect()

    def columns(self, connection: duckdb.DuckDBPyConnection, source: Source) -> tuple[Column, ...]:
        """Returns the columns of all files of a source without columns, with types that hold the values of each."""
        parts = [self.prepare(connection, Piece(file), source) for file in source.files]
        for part in parts:
            check_names(part.piece.file, part.names)  # DuckDB would rename the second of equal names
        if not any(len(set(map(str.casefold, part.names))) < len(part.names) for part in parts):
            rows = connection.execute(f"DESCRIBE {self.scan(parts, ())}").fetchall()
            return tuple(Column(row[0], row[1]) for row in rows)
        columns = named_columns([name for part in parts for name in part.names])
        in_table = dataclasses.replace(source, columns=columns).in_table
        scans = [self.scan([dataclasses.replace(part, names=in_table(part.names))], columns) for part in parts]
        types = dict(row[:2] for row in connection.execute(f"DESCRIBE {' UNION ALL BY NAME '.join(scans)}").fetchall())
        return tuple(dataclasses.replace(column, type=types[column.name]) for column in columns)

    def infer(
        self, connection: duckdb.DuckDBPyConnection, source: Source, rows: str, types: Mapping[str, str]
    ) -> Source:
        """Returns the source with the types that only all its rows tell.

        Args:
            connection: for queries.
            source: the files with their columns.
            rows: SQL for all rows, as `scan` gives them.
            types: the types of columns that are not to be inferred.
        """
        texts = [column.name for column in source.columns if column.type == "VARCHAR" and column.name not in types]
        if self.holds_texts or not texts:
            return source
        connection.execute(f"CREATE OR REPLACE TEMP VIEW texts AS {rows}")
        mixed = self.mixed(source) & set(texts)
        found = infer(connection, "texts", [name for name in texts if name not in mixed], Dialect(), TYPES_OF_TEXTS)
        found += infer(connection, "texts", sorted(mixed), Dialect())
        typed = {column.name: column for column in found if column.type != "VARCHAR"}
        columns = (
            dataclasses.replace(typed[column.name], held="VARCHAR", in_files=column.in_files)
            if column.name in typed
            else column
            for column in source.columns
        )
        return dataclasses.replace(source, columns=tuple(columns))

    def mixed(self, source: Source) -> set[str]:
        """Returns the columns that are texts in some files and another type in others."""
        return set()

    def pieces(self, file: str, source: Source, size: int) -> list[Piece]:
        """Returns the pieces, of about `size` bytes each, into which a file can be divided, in their order."""
        return [Piece(file, size=storage.size(file))]

    @abc.abstractmethod
    def prepare(self, connection: duckdb.DuckDBPyConnection, piece: Piece, source: Source) -> Part:
        """Returns the piece, or a copy of it, once it is certain that DuckDB reads all its rows.

        Args:
            connection: for queries and temporary files.
            piece: a file, or a part of it that `pieces` gave.
            source: the files with their columns; without columns when `columns` calls it.

        Raises:
            UserError: the file is damaged, cut or of another format.
        """

    def scan(self, parts: Sequence[Part], columns: Sequence[Column]) -> str:
        """Returns SQL for the rows of one part, or of several whole files with the same columns and dialect."""
        return scan_parquet([part.path for part in parts])

    def records(self, part: Part) -> Iterator[Record]:
        """Yields what the file has for the rows of `scan`, in their order; needed only where it holds texts."""
        return iter(())


def scan_parquet(paths: Sequence[str]) -> str:
    """Returns SQL for the rows of Parquet files."""
    return f"SELECT * FROM read_parquet({paths_literal(paths)}, union_by_name = true, hive_partitioning = false)"


def named_columns(names: Sequence[str], types: str = "") -> tuple[Column, ...]:
    """Returns columns of files, each once, with their names in the table: see `table_names`."""
    found = table_names(names)
    return tuple(
        Column(found[name], types, in_files=None if found[name] == name else name) for name in dict.fromkeys(names)
    )


def cut(connection: duckdb.DuckDBPyConnection, piece: Piece) -> str:
    """Returns the path of a copy of the piece's bytes."""
    copy = temporary_file(connection, os.path.splitext(piece.file)[1])
    with open(copy, "wb") as stream:
        for block in files.between(piece.file, piece.start, piece.end):
            stream.write(block)
    return copy


def num_lines_before(piece: Piece) -> int:
    """Returns how many lines the file has before the piece."""
    return sum(block.count(b"\n") for block in files.between(piece.file, 0, piece.start))


def check_names(where: str, names: Sequence[str], in_table: bool = False) -> None:
    """Raises UserError where a name is empty or has control characters, or names are equal.

    Args:
        where: the file.
        names: the names of its columns.
        in_table: whether names are equal that differ in upper and lower case only.
    """
    strange = [name for name in names if any(letter < " " and letter not in "\t\r\n" for letter in name)]
    if strange:
        raise UserError(
            f"{where}: {strange[0][:40]!r} cannot be the name of a column: it contains control characters. "
            "Names of columns were expected: is the file what its suffix says?"
        )
    if "" in names:
        raise UserError(f"{where}: column {names.index('') + 1} has no name. Every column needs one: rename it.")
    equal: dict[str, list[str]] = {}
    for name in names:
        equal.setdefault(name.casefold() if in_table else name, []).append(name)
    doubled = [
        f"{found[0]!r} is there {len(found)} times ({', '.join(found)})" for found in equal.values() if len(found) > 1
    ]
    if doubled:
        also = "; names that differ in upper and lower case only count as equal here" if in_table else ""
        raise UserError(
            f"{where}: the column {listing(doubled)}{also}. Every column needs a name of its own: rename them."
        )

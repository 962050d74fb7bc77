"""Reads CSV files as DuckDB relations of texts; every record is a row or a reject.

The fast scan of `segments` says how many rows DuckDB must find. Where DuckDB finds another number or fails, the slow
reader of `records` puts bad records aside and writes the good ones to a copy.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from core.config.sections import Csv
from core.errors import UserError
from ingest import files
from ingest.readers import encodings
from ingest.readers.base import Part, Piece, Reader, Record, cut, named_columns, num_lines_before
from ingest.readers.csv.dialect import detect, header, of_file
from ingest.readers.csv.records import records
from ingest.readers.csv.segments import MAX_RECORD, segments
from ingest.rejects import Reject
from ingest.source import Column, Dialect, Source
from ingest.sql.casts import cast
from ingest.sql.connection import first_row, identifier, literal, paths_literal, temporary_file
from ingest.type_inference import infer


class CsvReader(Reader):
    """Reads files of delimited texts, whose columns are inferred from all rows."""

    suffixes = (".csv", ".tsv", ".txt")
    holds_texts = True
    has_dialect = True
    no_rows = "a header and no rows"

    def dialect(self, file: str, given: Csv) -> Dialect:
        """Returns the dialect that the configuration gives, completed from the beginning of the file."""
        return detect(file, given)

    def columns(self, connection: duckdb.DuckDBPyConnection, source: Source) -> tuple[Column, ...]:
        """Returns the columns of the header, all of them texts."""
        file = source.files[0]
        return named_columns(header(file, of_file(file, source.dialect)), "VARCHAR")

    def infer(
        self, connection: duckdb.DuckDBPyConnection, source: Source, rows: str, types: Mapping[str, str]
    ) -> Source:
        """Returns the source with inferred types."""
        texts = [column for column in source.columns if column.name not in types]
        present = ", ".join(
            f"{cast(column, 'VARCHAR', source.dialect)} AS {identifier(column.name)}"
            for column in texts
            if column.nulls
        )
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW texts AS SELECT * {f'REPLACE ({present})' if present else ''} FROM ({rows})"
        )
        inferred = infer(connection, "texts", [column.name for column in texts], source.dialect)
        found = {column.name: column for column in inferred}
        columns = (
            dataclasses.replace(found.get(column.name, column), nulls=column.nulls, in_files=column.in_files)
            for column in source.columns
        )
        return dataclasses.replace(source, columns=tuple(columns))

    def pieces(self, file: str, source: Source, size: int) -> list[Piece]:
        """Returns pieces of whole records; one where the file is compressed, not in UTF-8 or not regular."""
        whole = super().pieces(file, source, size)
        if not files.is_divisible(file, size) or encodings.of_file(file, source.dialect.encoding) != "utf-8":
            return whole
        dialect = dataclasses.replace(source.dialect, encoding="utf-8")
        found = segments(file, dialect, len(header(file, dialect)), size) or []
        pieces = [
            Piece(file, segment.start, segment.end, segment.records, segment.end - segment.start) for segment in found
        ]
        return pieces if len(pieces) > 1 else whole

    def prepare(self, connection: duckdb.DuckDBPyConnection, piece: Piece, source: Source) -> Part:
        """Returns a piece, or a copy of it in UTF-8 without bad records."""
        expected = source.dialect if piece.is_whole else dataclasses.replace(source.dialect, encoding="utf-8")
        path, dialect = piece.file, of_file(piece.file, expected)
        if dialect.encoding != "utf-8":
            path = encodings.to_utf8(connection, piece.file, dialect.encoding, ".csv")
            dialect = dataclasses.replace(dialect, encoding="utf-8")
        names = source.in_table(header(path, dialect))
        if not piece.is_whole:
            path = cut(connection, piece)
            dialect = dataclasses.replace(dialect, header=dialect.header and piece.start == 0)
        rows = piece.rows
        if rows is None:
            found = segments(path, dialect, len(names))
            rows = None if found is None else sum(segment.records for segment in found)
        if rows is not None and _count(connection, path, names, dialect) == rows:
            return Part(piece, path, names, rows, dialect, original=(path, dialect))
        return _cleaned(connection, piece, path, names, dialect)

    def scan(self, parts: Sequence[Part], columns: Sequence[Column]) -> str:
        """Returns SQL for the rows, all columns as texts."""
        return _scan([part.path for part in parts], parts[0].names, parts[0].dialect)

    def records(self, part: Part) -> Iterator[Record]:
        """Yields the good records, with their lines in the user's file."""
        assert part.original is not None
        path, dialect = part.original
        before = num_lines_before(part.piece)
        for record in itertools.islice(records(path, dialect, len(part.names)), 1 if dialect.header else 0, None):
            if record.problem is None:
                yield dataclasses.replace(record, line=before + record.line)


def _scan(paths: Sequence[str], names: Sequence[str], dialect: Dialect) -> str:
    options = [
        f"columns = {literal(dict.fromkeys(names, 'VARCHAR'))}",
        f"delim = {literal(dialect.delimiter)}",
        f"quote = {literal(dialect.quote)}",
        f"escape = {literal(dialect.escape)}",
        f"header = {literal(dialect.header)}",
        f"nullstr = {literal(['', *dialect.nulls])}",
        f"max_line_size = {MAX_RECORD}",
        f"compression = {literal(files.compression(paths[0]) or 'none')}",
        "auto_detect = false, hive_partitioning = false, strict_mode = true, comment = '', skip = 0",
    ]
    fields = ", ".join(_trimmed(name, dialect) for name in names) if dialect.trim else "*"
    return f"SELECT {fields} FROM read_csv({paths_literal(paths)}, {', '.join(options)})"


def _trimmed(name: str, dialect: Dialect) -> str:
    field = f"trim({identifier(name)}, ' ')"
    missing = ", ".join(map(literal, ["", *dialect.nulls]))
    return f"CASE WHEN {field} NOT IN ({missing}) THEN {field} END AS {identifier(name)}"


def _count(connection: duckdb.DuckDBPyConnection, path: str, names: Sequence[str], dialect: Dialect) -> int | None:
    """Returns how many rows DuckDB finds; None where it fails."""
    try:
        return int(first_row(connection, f"SELECT count(*) FROM ({_scan([path], names, dialect)})")[0])
    except duckdb.Error:
        return None


def _cleaned(
    connection: duckdb.DuckDBPyConnection, piece: Piece, path: str, names: tuple[str, ...], dialect: Dialect
) -> Part:
    """Returns a copy of the good records, all with the same line end; the bad ones are rejects."""
    rejects: list[Reject] = []
    before = num_lines_before(piece)
    rows = 0
    copy = temporary_file(connection, ".csv")
    with open(copy, "wb") as stream:
        for index, record in enumerate(records(path, dialect, len(names))):
            if index == 0 and dialect.header:
                continue
            if record.problem is not None:
                line = before + record.line
                rejects.append(Reject.from_bytes(piece.file, line, record.problem, record.text))
            else:
                stream.write(record.text + b"\n")
                rows += 1
    plain = dataclasses.replace(dialect, header=False)
    if _count(connection, copy, names, plain) != rows:
        raise UserError(
            f"{piece.file} cannot be read: it has {rows:,} records, and DuckDB finds another number of rows. "
            "Convert it to plain CSV (comma, double quotes, UTF-8) or to Parquet."
        )
    return Part(piece, copy, names, rows, plain, tuple(rejects), (path, dialect))

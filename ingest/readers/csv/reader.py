"""CSV files as a DuckDB table of texts, every row of which is accounted for.

DuckDB reads fast, and the fast count of `segments` says how many rows it must find. Where the two do not agree, or
DuckDB stumbles, `records` reads slowly, puts the bad records aside and writes the good ones anew.
"""

import codecs
import dataclasses
import itertools
import os
from collections.abc import Iterator, Sequence

import duckdb

from core.errors import UserError
from ingest import files
from ingest.readers.base import Part, Piece, Reject, num_lines_before, reject
from ingest.readers.csv.dialect import header
from ingest.readers.csv.records import Record, records
from ingest.readers.csv.segments import MAX_RECORD, segments
from ingest.source import Dialect
from ingest.sql.connection import first_row, glob_free, literal, temporary_file


def scan(paths: Sequence[str], names: Sequence[str], dialect: Dialect) -> str:
    """Returns SQL for the rows of files that are written alike, all columns as texts."""
    options = [
        f"columns = {literal(dict.fromkeys(names, 'VARCHAR'))}",
        f"delim = {literal(dialect.delimiter)}",
        f"quote = {literal(dialect.quote)}",
        f"escape = {literal(dialect.escape)}",
        f"header = {literal(dialect.header)}",
        f"nullstr = {literal(['', *dialect.nulls])}",
        f"max_line_size = {MAX_RECORD}",
        f"compression = {literal(files.compression(paths[0]) or 'none')}",
        "auto_detect = false, strict_mode = true, comment = '', skip = 0",
    ]
    return f"SELECT * FROM read_csv({literal([glob_free(path) for path in paths])}, {', '.join(options)})"


def pieces(file: str, dialect: Dialect, size: int) -> list[Piece]:
    """Returns the pieces of about so many bytes into which a file can be divided: one, if it is not regular."""
    whole = Piece(file, size=os.path.getsize(file))
    if not is_utf8(dialect) or files.compression(file) or whole.size < 1.5 * size:
        return [whole]
    found = segments(file, dialect, len(header(file, dialect)), size) or []
    pieces = [Piece(file, each.start, each.end, each.records, each.end - each.start) for each in found]
    return pieces if len(pieces) > 1 else [whole]


def is_utf8(dialect: Dialect) -> bool:
    """Returns whether files are read as they are."""
    return codecs.lookup(dialect.encoding).name == "utf-8"


def prepare(connection: duckdb.DuckDBPyConnection, piece: Piece, dialect: Dialect) -> Part:
    """Returns a piece of a file in a form of which it is certain that DuckDB reads all its rows."""
    path = piece.file
    if not is_utf8(dialect):
        path = _to_utf8(connection, piece.file, dialect.encoding)
        dialect = dataclasses.replace(dialect, encoding="utf-8")
    names = tuple(header(path, dialect))
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


def cut(connection: duckdb.DuckDBPyConnection, piece: Piece) -> str:
    """Returns a copy of a piece of a file."""
    copy = temporary_file(connection, os.path.splitext(piece.file)[1])
    with open(copy, "wb") as stream:
        for block in files.between(piece.file, piece.start, piece.end):
            stream.write(block)
    return copy


def records_read(part: Part) -> Iterator[Record]:
    """Yields the records that are the part's rows, in their order, with the lines of the file."""
    assert part.original is not None
    path, dialect = part.original
    found = records(path, dialect, len(part.names))
    before = num_lines_before(part.piece)
    for record in itertools.islice(found, 1 if dialect.header else 0, None):
        if record.problem is None:
            yield dataclasses.replace(record, line=before + record.line)


def _count(connection: duckdb.DuckDBPyConnection, path: str, names: Sequence[str], dialect: Dialect) -> int | None:
    """Returns how many rows DuckDB finds, None if it stumbles."""
    try:
        return int(first_row(connection, f"SELECT count(*) FROM ({scan([path], names, dialect)})")[0])
    except duckdb.Error:
        return None


def _cleaned(
    connection: duckdb.DuckDBPyConnection, piece: Piece, path: str, names: tuple[str, ...], dialect: Dialect
) -> Part:
    """Returns a copy of a file with its good records only, all with the same line end."""
    rejects: list[Reject] = []
    before = num_lines_before(piece)
    rows = 0
    copy = temporary_file(connection, ".csv")
    with open(copy, "wb") as stream:
        for index, record in enumerate(records(path, dialect, len(names))):
            if index == 0 and dialect.header:
                continue
            if record.problem is not None:
                rejects.append(reject(piece.file, before + record.line, record.problem, record.text))
            else:
                stream.write(record.text + b"\n")
                rows += 1
    plain = dataclasses.replace(dialect, header=False)
    if _count(connection, copy, names, plain) != rows:
        raise UserError(
            f"{piece.file} cannot be read: its {rows:,} records come out of the CSV reader as another number. "
            "Convert it to plain CSV (comma, double quotes, UTF-8) or to Parquet."
        )
    return Part(piece, copy, names, rows, plain, tuple(rejects), (path, dialect))


def _to_utf8(connection: duckdb.DuckDBPyConnection, file: str, encoding: str) -> str:
    """Returns a copy of a file in UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    copy = temporary_file(connection, ".csv")
    try:
        with open(copy, "w", encoding="utf-8", newline="") as stream:
            for block in files.blocks(file):
                stream.write(decoder.decode(block))
            stream.write(decoder.decode(b"", final=True))
    except UnicodeError as error:
        raise UserError(
            f"{file} is not in the encoding {encoding}: {error}. "
            "Write the right one as `data: {csv: {encoding: ...}}`."
        ) from None
    return copy

"""CSV files as a DuckDB table of texts, every row of which is accounted for.

DuckDB reads fast, and the fast count of `segments` says how many rows it must find. Where the two do not agree, or
DuckDB stumbles, `records` reads slowly, puts the bad records aside and writes the good ones anew.
"""

import codecs
import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import duckdb

from components.sources import files
from components.sources.dialect import header
from components.sources.duck import glob_free, literal, temporary_file
from components.sources.parts import Part, Reject
from components.sources.records import Record, records
from components.sources.segments import MAX_RECORD, segments
from components.sources.source import Dialect
from models.errors import UserError


def scan(paths: Sequence[str], names: Sequence[str], dialect: Dialect) -> str:
    """Returns SQL for the rows of files that are written alike, all columns as texts."""
    options = [
        f"columns = {literal({each: 'VARCHAR' for each in names})}",
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


def prepare(connection: duckdb.DuckDBPyConnection, file: str, dialect: Dialect) -> Part:
    """Returns a file in a form of which it is certain that DuckDB reads all its rows."""
    path = file
    if codecs.lookup(dialect.encoding).name != "utf-8":
        path = _to_utf8(connection, file, dialect.encoding)
        dialect = dataclasses.replace(dialect, encoding="utf-8")
    names = tuple(header(path, dialect))
    found = segments(path, dialect, len(names))
    if found is not None:
        rows = sum(segment.records for segment in found)
        if _count(connection, path, names, dialect) == rows:
            return Part(file, path, names, rows, dialect, original=(path, dialect))
    return _cleaned(connection, file, path, names, dialect)


def records_read(part: Part) -> Iterator[Record]:
    """Yields the records that are the part's rows, in their order, with the lines of the file."""
    assert part.original is not None
    path, dialect = part.original
    found = records(path, dialect, len(part.names))
    for record in itertools.islice(found, 1 if dialect.header else 0, None):
        if record.problem is None:
            yield record


def _count(connection: duckdb.DuckDBPyConnection, path: str, names: Sequence[str], dialect: Dialect) -> int | None:
    """Returns how many rows DuckDB finds, None if it stumbles."""
    try:
        row = connection.execute(f"SELECT count(*) FROM ({scan([path], names, dialect)})").fetchone()
    except duckdb.Error:
        return None
    return int(row[0]) if row else None


def _cleaned(
    connection: duckdb.DuckDBPyConnection, file: str, path: str, names: tuple[str, ...], dialect: Dialect
) -> Part:
    """Returns a copy of a file with its good records only, all with the same line end."""
    rejects: list[Reject] = []
    rows = 0
    copy = temporary_file(connection, ".csv")
    with open(copy, "wb") as stream:
        for index, record in enumerate(records(path, dialect, len(names))):
            if index == 0 and dialect.header:
                continue
            if record.problem is not None:
                rejects.append(Reject(file, record.line, record.problem, record.text[:1_000].decode(errors="replace")))
            else:
                stream.write(record.text + b"\n")
                rows += 1
    plain = dataclasses.replace(dialect, header=False)
    if _count(connection, copy, names, plain) != rows:
        raise UserError(
            f"{file} cannot be read: its {rows:,} records come out of the CSV reader as another number. "
            "Convert it to plain CSV (comma, double quotes, UTF-8) or to Parquet."
        )
    return Part(file, copy, names, rows, plain, tuple(rejects), (path, dialect))


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

"""Writes predictions as Parquet, CSV, JSON lines or into a DuckDB database; what was there stays until the end."""

import contextlib
import errno
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from core import storage
from core.errors import UserError

TABLE = "predictions"  # in a DuckDB database
_LINES = 10_000  # of JSON, in memory
Write = Callable[[pa.Table], None]


@contextlib.contextmanager
def _by_arrow(writer: Callable[[str, pa.Schema], Any], path: Path) -> Iterator[Write]:
    """Yields a function for one of Arrow's writers."""
    writers: list[Any] = []
    with contextlib.ExitStack() as opened:

        def write(table: pa.Table) -> None:
            if not writers:  # the first table has the schema
                writers.append(opened.enter_context(writer(str(path), table.schema)))
            writers[0].write_table(table)

        yield write


@contextlib.contextmanager
def _json_lines(path: Path) -> Iterator[Write]:
    """Yields a function that writes one JSON object a row; numbers that are not finite are null, as JSON has none."""
    with path.open("w", encoding="utf-8") as file, duckdb.connect() as connection:

        def write(table: pa.Table) -> None:
            for place, field in enumerate(table.schema):
                if pa.types.is_floating(field.type):
                    values = table.column(place)
                    finite = pc.if_else(pc.is_finite(values), values, pa.scalar(None, field.type))
                    table = table.set_column(place, field, finite)
            connection.register("written", table)
            rows = connection.execute('SELECT to_json("\x1f")::VARCHAR FROM written AS "\x1f"')  # no column's name
            while some := rows.fetchmany(_LINES):
                file.writelines(f"{line}\n" for (line,) in some)

        yield write


_FILES: dict[str, Callable[[Path], contextlib.AbstractContextManager[Write]]] = {
    ".parquet": functools.partial(_by_arrow, pq.ParquetWriter),
    ".csv": functools.partial(_by_arrow, pa_csv.CSVWriter),
    ".jsonl": _json_lines,
}
_DATABASES = (".duckdb", ".db")
SUFFIXES = (*_FILES, *_DATABASES)


@contextlib.contextmanager
def writing(to: Path) -> Iterator[Write]:
    """Yields a function that writes a table; the file appears when the block ends, and an earlier one stays till then.

    In a database, the table `predictions` is replaced, and others stay.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        with _database(to) if to.suffix.lower() in _DATABASES else _file(to) as write:
            yield write
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(f"The disk is full: {to} was not written. Make room, or name another disk.") from error
        raise UserError(f"{to} cannot be written: {error.strerror or error}.") from error


@contextlib.contextmanager
def _file(to: Path) -> Iterator[Write]:
    with storage.replacing(to) as temporary, _FILES[to.suffix.lower()](temporary) as write:
        yield write


@contextlib.contextmanager
def _database(to: Path) -> Iterator[Write]:
    to.parent.mkdir(parents=True, exist_ok=True)
    is_new = not to.exists()
    try:
        connection = duckdb.connect(str(to))
    except duckdb.Error as error:
        raise UserError(
            f"{to} cannot be opened as a DuckDB database, which was expected: {error}. Name another file, or close "
            "the program that uses it."
        ) from None
    begun = False

    def write(table: pa.Table) -> None:
        nonlocal begun
        connection.register("written", table)
        into = f"INSERT INTO {TABLE}" if begun else f"CREATE OR REPLACE TABLE {TABLE} AS"
        connection.execute(f"{into} FROM written")
        begun = True

    try:
        connection.execute("BEGIN")
        yield write
        connection.execute("COMMIT")
        is_new = False
    finally:
        connection.close()  # without COMMIT, the database is what it was
        if is_new:
            to.unlink(missing_ok=True)

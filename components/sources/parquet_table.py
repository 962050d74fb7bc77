"""Parquet files as a DuckDB table."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from components.sources.duck import glob_free, literal, name
from components.sources.parts import Part
from components.sources.source import Column
from models.errors import UserError


def scan(paths: Sequence[str]) -> str:
    """Returns SQL for the rows of files with the same columns, in whatever order they have them."""
    return f"SELECT * FROM read_parquet({literal([glob_free(path) for path in paths])}, union_by_name = true)"


def prepare(file: str) -> Part:
    """Returns a file with its columns and number of rows.

    Raises:
        UserError: it is not a Parquet file, or is cut.
    """
    try:
        metadata = pq.read_metadata(file)
        names = tuple(metadata.schema.to_arrow_schema().names)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{file} is not a whole Parquet file: {error}. Is it cut or damaged? Make it anew.") from error
    return Part(file, file, names, metadata.num_rows)


def checked(column: Column) -> str:
    """Returns SQL for a column's values."""
    return name(column.name)


def columns(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> tuple[Column, ...]:
    """Returns the columns of all files with types that hold the values of each of them."""
    rows = connection.execute(f"DESCRIBE {scan(paths)}").fetchall()
    return tuple(Column(row[0], row[1]) for row in rows)

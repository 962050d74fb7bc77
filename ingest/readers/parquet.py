"""Parquet files as a DuckDB table."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from core.errors import UserError
from ingest.readers.base import Part, Piece
from ingest.source import Column
from ingest.sql.casts import complain
from ingest.sql.connection import glob_free, literal, name


def scan(parts: Sequence[Part]) -> str:
    """Returns SQL for the rows of files with the same columns, in whatever order they have them."""
    piece = parts[0].piece
    is_copy = parts[0].path != piece.file  # of a piece of a file in another format: it holds nothing else
    if len(parts) > 1 or piece.end is None or is_copy:
        return f"SELECT * FROM read_parquet({literal([glob_free(part.path) for part in parts])}, union_by_name = true)"
    return (
        f"SELECT * EXCLUDE (file_row_number) FROM read_parquet({literal(glob_free(parts[0].path))}, "
        f"file_row_number = true) WHERE file_row_number >= {piece.start} AND file_row_number < {piece.end}"
    )


def pieces(file: str, size: int) -> list[Piece]:
    """Returns the pieces of about so many bytes of values into which a file can be divided: at row groups."""
    metadata = _metadata(file)
    found, start, row, weight = [], 0, 0, 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        row, weight = row + group.num_rows, weight + group.total_byte_size
        if weight >= size or index == metadata.num_row_groups - 1:
            found.append(Piece(file, start, row, row - start, weight))
            start, weight = row, 0
    return found if len(found) > 1 else [Piece(file, size=sum(piece.size for piece in found))]


def prepare(piece: Piece) -> Part:
    """Returns a piece with its columns and number of rows.

    Raises:
        UserError: it is not a Parquet file, or is cut.
    """
    metadata = _metadata(piece.file)
    names = tuple(metadata.schema.to_arrow_schema().names)
    return Part(piece, piece.file, names, metadata.num_rows if piece.rows is None else piece.rows)


def _metadata(file: str) -> Any:
    """Returns what is at a file's end.

    Raises:
        UserError: it is not a Parquet file, or is cut.
    """
    import pyarrow.parquet as pq  # half a second, which a CSV file need not wait for

    try:
        return pq.read_metadata(file)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{file} is not a whole Parquet file: {error}. Is it cut or damaged? Make it anew.") from error


def checked(column: Column, actual: str) -> str:
    """Returns SQL for a column's values; a value of another type that the column cannot hold is an error."""
    text = name(column.name)
    if actual == column.type:
        return text
    cast = f"TRY_CAST({text} AS {column.type})"
    lost = f"{text} IS NOT NULL AND TRY_CAST({cast} AS {actual}) IS DISTINCT FROM {text}"
    return f"CASE WHEN {lost} THEN {complain('value', column.name, text)} ELSE {cast} END AS {text}"


def columns(connection: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> tuple[Column, ...]:
    """Returns the columns of all files with types that hold the values of each of them."""
    rows = connection.execute(f"DESCRIBE {scan(parts)}").fetchall()
    return tuple(Column(row[0], row[1]) for row in rows)

"""Reads Parquet files as DuckDB relations."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from core import storage
from core.errors import UserError
from core.text import clause
from ingest.readers.base import Part, Piece, Reader, scan_parquet
from ingest.source import Column, Source
from ingest.sql.connection import identifier, paths_literal


class ParquetReader(Reader):
    """Reads Parquet files, divided at row groups."""

    suffixes = (".parquet", ".pq")

    def scan(self, parts: Sequence[Part], columns: Sequence[Column]) -> str:
        """Returns SQL for the rows of whole files, or of a piece of one."""
        piece, paths = parts[0].piece, [part.path for part in parts]
        # DuckDB would join columns whose names differ in case only; all these parts have the same columns in one order.
        is_renamed = any(column.in_files for column in columns)
        names = f" AS rows({', '.join(map(identifier, parts[0].names))})" if is_renamed else ""
        if len(parts) > 1 or piece.end is None:
            if not is_renamed:
                return scan_parquet(paths)
            return f"SELECT * FROM read_parquet({paths_literal(paths)}, hive_partitioning = false){names}"
        return (
            f"SELECT * EXCLUDE (file_row_number) FROM read_parquet({paths_literal([piece.file])}, "
            f"file_row_number = true, hive_partitioning = false){names} "
            f"WHERE file_row_number >= {piece.start} AND file_row_number < {piece.end}"
        )

    def mixed(self, source: Source) -> set[str]:
        """Returns the columns that are texts in some files and another type in others."""
        schemas = [_metadata(file).schema.to_arrow_schema() for file in source.files] if len(source.files) > 1 else []
        return {field.name for schema in schemas for field in schema if not _is_text(field.type)}

    def pieces(self, file: str, source: Source, size: int) -> list[Piece]:
        """Returns pieces of whole row groups, whose values have about `size` bytes."""
        metadata = _metadata(file)
        if "file_row_number" in map(str.casefold, metadata.schema.to_arrow_schema().names):
            return super().pieces(file, source, size)  # DuckDB numbers the rows in a column of this name
        found, start, row, weight = list[Piece](), 0, 0, 0
        for index in range(metadata.num_row_groups):
            group = metadata.row_group(index)
            row, weight = row + group.num_rows, weight + group.total_byte_size
            if weight >= size or index == metadata.num_row_groups - 1:
                found.append(Piece(file, start, row, row - start, weight))
                start, weight = row, 0
        return found if len(found) > 1 else [Piece(file, size=sum(piece.size for piece in found))]

    def prepare(self, connection: duckdb.DuckDBPyConnection, piece: Piece, source: Source) -> Part:
        """Returns a piece with its columns and number of rows, from the file's metadata."""
        metadata = _metadata(piece.file)
        names = source.in_table(metadata.schema.to_arrow_schema().names)
        return Part(piece, piece.file, names, metadata.num_rows if piece.rows is None else piece.rows)


def _is_text(arrow_type: pa.DataType) -> bool:
    return pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type) or pa.types.is_null(arrow_type)


def _metadata(file: str) -> Any:
    """Returns the metadata at a file's end.

    Raises:
        UserError: it is not a Parquet file, or is cut.
    """
    import pyarrow.parquet as pq  # takes half a second, which other formats need not wait for

    try:
        with storage.reaching(file), storage.open_binary(file) as stream:
            return pq.read_metadata(stream)
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"{file} is not a whole Parquet file: {clause(error)}. Is it cut or damaged? Make or copy it again."
        ) from error

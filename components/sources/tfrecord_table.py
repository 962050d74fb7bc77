"""TFRecord files of tf.Example, decoded in batches into a Parquet copy that DuckDB can read as often as it likes."""

import duckdb

from components.sources.parts import Part, Piece
from models.errors import UserError


def prepare(connection: duckdb.DuckDBPyConnection, piece: Piece) -> Part:
    """Returns a copy of a file as Parquet."""
    raise UserError(f"{piece.file}: TFRecord files cannot be read yet.")

"""TFRecord files of tf.Example, decoded in batches into a Parquet copy that DuckDB can read as often as it likes."""

import duckdb

from components.sources.parts import Part
from models.errors import UserError


def prepare(connection: duckdb.DuckDBPyConnection, file: str) -> Part:
    """Returns a copy of a file as Parquet."""
    raise UserError(f"{file}: TFRecord files cannot be read yet.")

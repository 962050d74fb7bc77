"""Reads tables: files of any format in READERS become a DuckDB relation. Imports neither TFX, Beam nor TensorFlow.

Example:
    source = ingest.discover(Data(files=("data/*.csv",), query="SELECT * FROM data WHERE fare > 0"))
    connection = ingest.connect(source.data.memory)
    with ingest.reading(source):
        rows = ingest.relation(connection, source).fetchall()
"""

import duckdb

from ingest.discovery import discover
from ingest.duckdb_errors import reading
from ingest.files import expand
from ingest.readers import READERS
from ingest.source import Column, Dialect, Source, table_names
from ingest.sql.connection import connect, identifier, literal, temporary_folder
from ingest.sql.user_query import files_in_query
from ingest.table import Table, open_table

__all__ = [
    "READERS",
    "Column",
    "Dialect",
    "Source",
    "Table",
    "connect",
    "discover",
    "expand",
    "files_in_query",
    "identifier",
    "literal",
    "open_table",
    "reading",
    "relation",
    "table_names",
    "temporary_folder",
]


def relation(connection: duckdb.DuckDBPyConnection, source: Source) -> duckdb.DuckDBPyRelation:
    """Returns the table of a source: the rows of its files, typed, or the result of its query.

    The connection gets the views `data` (the files) and `source_table` (the result), so one connection reads one
    source at a time. Rows are read, and values checked, when the relation is: do that within `reading(source)`.

    Raises:
        UserError: a file is damaged, has other columns or holds bad rows that must not be put aside; the query fails.
    """
    with reading(source):
        open_table(connection, source).create_views()
        return connection.sql("FROM source_table")

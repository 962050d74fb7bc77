"""What a table is: files to a DuckDB relation. Neither tfx, beam nor tensorflow is imported here.

Example:
    source = sources.discover(["data/*.csv"], query="SELECT * FROM data WHERE fare > 0")
    connection = sources.connect(source.memory)
    with sources.reading(source):
        rows = sources.relation(connection, source).fetchall()
"""

import duckdb

from ingest.discovery import discover
from ingest.duckdb_errors import explain, reading
from ingest.files import expand
from ingest.source import Column, Dialect, Format, OnBadRows, Source
from ingest.sql.connection import connect, literal, name, temporary_folder
from ingest.sql.user_query import files as files_of_query
from ingest.table import Table, open_table

__all__ = [
    "Column",
    "Dialect",
    "Format",
    "OnBadRows",
    "Source",
    "Table",
    "connect",
    "discover",
    "expand",
    "explain",
    "files_of_query",
    "literal",
    "name",
    "open_table",
    "reading",
    "relation",
    "temporary_folder",
]


def relation(connection: duckdb.DuckDBPyConnection, source: Source) -> duckdb.DuckDBPyRelation:
    """Returns the table behind a source: the rows that its query gives, typed, or all of them.

    The connection gets the views `data` (the files) and `source_table` (the result), so one connection reads one
    source at a time. Rows are read when the relation is, within `reading(source)`: values are checked then.

    Raises:
        UserError: a file is damaged, has other columns or holds bad rows that must not be put aside; the query fails.
    """
    with reading(source):
        open_table(connection, source).views()
        return connection.sql("FROM source_table")

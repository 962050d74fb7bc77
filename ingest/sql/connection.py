"""Opens DuckDB connections with a memory limit and without network access, and quotes names and values for SQL."""

import glob
import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb

from core import storage
from ingest.sql import temporary_folders

_SETTINGS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}


def connect(memory: str = "1GB", threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Returns a new connection with a memory limit, which spills to a folder that is deleted with it.

    Args:
        memory: the limit, such as `1GB` or `512MB`.
        threads: how many threads a query may use; as many as there are cores when None.
    """
    limits = {"memory_limit": memory} | ({} if threads is None else {"threads": str(threads)})
    connection = duckdb.connect(config={**_SETTINGS, **limits})
    folder = temporary_folders.make_folder(connection)
    connection.execute(f"SET temp_directory = {literal(folder)}; SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


def mount(connection: duckdb.DuckDBPyConnection, files: Iterable[str]) -> None:
    """Lets a connection read the object stores that hold some of the files, by ranges of bytes."""
    for file in {file.partition(":")[0]: file for file in files if storage.is_uri(file)}.values():
        store = storage.filesystem(file)
        if not connection.filesystem_is_registered(store.protocol[0]):
            connection.register_filesystem(store)


def first_row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Returns the first row of a result; reads all rows, since unread ones would block the connection."""
    row: tuple[Any, ...] = connection.execute(sql).fetchall()[0]
    return row


def temporary_folder(connection: duckdb.DuckDBPyConnection) -> str:
    """Returns the folder that is deleted with the connection."""
    return str(first_row(connection, "SELECT current_setting('temp_directory')")[0])


def temporary_file(connection: duckdb.DuckDBPyConnection, suffix: str) -> str:
    """Returns the path of a new, empty file that is deleted with the connection."""
    folder = temporary_folder(connection)
    os.makedirs(folder, exist_ok=True)
    handle, path = tempfile.mkstemp(suffix=suffix, dir=folder)
    os.close(handle)
    return path


def identifier(name: str) -> str:
    """Returns the name of a column or table, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | bool | list[str] | dict[str, str]) -> str:
    """Returns a text, a boolean, a list of texts or a struct of texts as an SQL literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(literal(element) for element in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(text)}" for key, text in value.items()) + "}"
    return "'" + value.replace("'", "''") + "'"


def paths_literal(paths: Sequence[str]) -> str:
    r"""Returns a list of paths as an SQL literal, in which DuckDB finds no glob: it takes a path with \ as it is."""
    return literal([path if "\\" in path else glob.escape(path) for path in paths])

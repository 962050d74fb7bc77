"""DuckDB connections with a memory limit, no network and no extensions that load themselves; and SQL quoting."""

import os
import tempfile
from typing import Any

import duckdb

from ingest.sql import temporary_folders

_SETTINGS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}


def connect(memory: str = "1GB", threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Returns a new connection that keeps below a memory limit and spills to a folder that vanishes with it.

    Args:
        memory: the limit, such as `1GB` or `512MB`.
        threads: how many threads a query may use; as many as there are cores when None.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {**_SETTINGS, "memory_limit": memory}
    if threads is not None:
        settings["threads"] = threads
    connection = duckdb.connect(config=settings)
    folder = temporary_folders.folder(connection)
    connection.execute(f"SET temp_directory = {literal(folder)}; SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


def first_row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Returns the first row of a result and leaves nothing of it unread: that would block the connection."""
    row: tuple[Any, ...] = connection.execute(sql).fetchall()[0]
    return row


def temporary_folder(connection: duckdb.DuckDBPyConnection) -> str:
    """Returns the folder that vanishes with the connection."""
    return str(first_row(connection, "SELECT current_setting('temp_directory')")[0])


def temporary_file(connection: duckdb.DuckDBPyConnection, suffix: str) -> str:
    """Returns the path of a new, empty file that vanishes with the connection."""
    folder = temporary_folder(connection)
    os.makedirs(folder, exist_ok=True)
    handle, path = tempfile.mkstemp(suffix=suffix, dir=folder)
    os.close(handle)
    return path


def name(text: str) -> str:
    """Returns a column's or table's name as SQL writes it."""
    return '"' + text.replace('"', '""') + '"'


def literal(value: str | bool | list[str] | dict[str, str]) -> str:
    """Returns a value as SQL writes it: a text, a boolean, a list of texts or a struct of texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(literal(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(each)}" for key, each in value.items()) + "}"
    return "'" + value.replace("'", "''") + "'"


def glob_free(path: str) -> str:
    """Returns a path in which DuckDB sees no glob."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)

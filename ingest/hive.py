"""Finds the columns of Hive-partitioned tables, which the names of folders hold, such as `year=2024/region=de/`."""

import glob
import pathlib
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import unquote

import duckdb

from core.errors import UserError
from ingest import spans
from ingest.source import Column, Dialect
from ingest.sql.connection import identifier, literal
from ingest.type_inference import infer

_MISSING = ("__HIVE_DEFAULT_PARTITION__", "")


def values(file: str) -> dict[str, str | None]:
    """Returns the values that the folders of a file name, by column; None for a missing value."""
    levels = (folder.partition("=") for folder in pathlib.PurePath(file).parent.parts)
    return {unquote(name): None if text in _MISSING else unquote(text) for name, sign, text in levels if name and sign}


def common(files: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns that the folders of every file name."""
    first, *others = (values(file) for file in files)
    return tuple(name for name in first if all(name in other for other in others))


def names(
    asked: Sequence[str] | None, patterns: Sequence[str], files: Sequence[str], in_files: Collection[str]
) -> tuple[str, ...]:
    """Returns the columns that the names of folders hold, those of the files left out.

    A folder that a pattern names itself, by a text or by the placeholders of a span, is a place and no column, unless
    the files differ in it.

    Args:
        asked: the setting `hive`.
        patterns: the absolute patterns that found the files.
        files: absolute paths.
        in_files: the columns that the files hold.

    Raises:
        UserError: a file is not in a folder of a column that is asked for.
    """
    held = {name.casefold() for name in in_files}
    if asked is not None:
        chosen = tuple(name for name in asked if name.casefold() not in held)
        for file in files:
            _check_named(file, chosen)
        return chosen
    return tuple(name for name in common(files) if name.casefold() not in held and _is_column(name, files, patterns))


def _is_column(name: str, files: Sequence[str], patterns: Sequence[str]) -> bool:
    """Returns whether the files differ in a folder, or a glob found it."""
    written = [found[name] for found in map(values, patterns) if name in found]
    texts = {values(file)[name] for file in files}
    is_span = any(text is not None and spans.has_span(text) for text in written)
    escaped = {glob.escape(text) for text in texts if text}  # as in the patterns
    return not is_span and (len(texts) > 1 or (texts | escaped).isdisjoint(written))


def _check_named(file: str, names: Sequence[str]) -> None:
    missing = next((name for name in names if name not in values(file)), None)
    if missing is not None:
        raise UserError(
            f"{file} is in no folder {missing}=..., and it has no column {missing!r}, which `data: {{hive: ...}}` "
            "names. Every file needs such a folder: correct `hive`, or leave it out."
        )


def columns(
    connection: duckdb.DuckDBPyConnection, partitions: Sequence[str], files: Sequence[str], types: Mapping[str, str]
) -> tuple[Column, ...]:
    """Returns the columns that folders name with their types: those that are given, else inferred from all folders."""
    if not partitions:
        return ()
    found = {tuple(values(file)[name] for name in partitions): None for file in files}
    rows = ", ".join(f"({', '.join(map(_literal, row))})" for row in found)
    listed = ", ".join(map(identifier, partitions))
    table = f"SELECT {', '.join(f'{identifier(name)}::VARCHAR AS {identifier(name)}' for name in partitions)}"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW folders AS {table} FROM (VALUES {rows}) AS folders({listed})")
    inferred = infer(connection, "folders", [name for name in partitions if name not in types], Dialect())
    by_name = {column.name: column for column in inferred}
    return tuple(by_name.get(name) or Column(name, types[name]) for name in partitions)


def scan(rows: str, partitions: Sequence[str], file: str) -> str:
    """Returns SQL for the rows of files that are in the folder of `file`, with the columns that its name holds."""
    if not partitions:
        return rows
    _check_named(file, partitions)
    found = values(file)
    constants = ", ".join(f"{_literal(found[name])}::VARCHAR AS {identifier(name)}" for name in partitions)
    return f"SELECT *, {constants} FROM ({rows})"


def _literal(text: str | None) -> str:
    return "NULL" if text is None else literal(text)

"""Discovers the files that the section `data:` names, their format, their dialect and the types of their columns."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from core.config.sections import Csv, Data
from core.errors import UserError
from core.text import did_you_mean, listing
from ingest import files, hive
from ingest.duckdb_errors import reading
from ingest.readers import READERS
from ingest.readers.base import check_names
from ingest.source import Column, Source
from ingest.sql.connection import connect, mount
from ingest.table import Table, open_table


def discover(
    data: Data, types: Mapping[str, str] | None = None, columns_if_empty: Sequence[Column] | None = None
) -> Source:
    """Returns the source that a section describes, after reading all rows.

    Args:
        data: the section; what it leaves open is inferred from the files.
        types: DuckDB types of columns that are not to be inferred, such as VARCHAR for codes of digits; used only where
            files hold texts.
        columns_if_empty: the columns of a table that has neither rows nor names of columns; None: a table without rows
            is an error.

    Raises:
        UserError: a file does not exist, is empty, is damaged or does not look like the others.
    """
    found = files.expand(data.files, data.spans)
    name = data.format or format_of(found)
    reader = READERS[name]
    for file in found:
        files.check_readable(file, may_be_empty=columns_if_empty is not None and reader.optional_columns)
    patterns = tuple(map(files.absolute, data.files))
    settled = data.model_copy(update={"files": patterns, "format": name, "csv": Csv()})
    nulls = data.csv.nulls if isinstance(data.csv.nulls, dict) else {}
    csv = data.csv.model_copy(update={"nulls": None}) if nulls else data.csv
    source = Source(found, (), settled, reader.dialect(found[0], csv))
    given = types if types and reader.holds_texts else {}
    with reading(source), connect(data.memory) as connection:
        mount(connection, found)
        columns = reader.columns(connection, source) or tuple(columns_if_empty or ())
        if not columns:
            raise UserError(f"{found[0]} {reader.no_columns}")
        in_files = [column.name for column in columns]
        partitions = hive.names(data.hive, patterns, found, in_files)
        check_names(found[0], [*in_files, *partitions], in_table=True)
        _check_nulls(nulls, in_files)
        of_folders = hive.columns(connection, partitions, found, types or {})
        typed = tuple(
            dataclasses.replace(
                column,
                type=given.get(column.name_in_files, given.get(column.name, column.type)),
                nulls=nulls.get(column.name, ()),
            )
            for column in columns
        )
        settled = settled.model_copy(update={"hive": partitions})
        source = dataclasses.replace(source, columns=typed + of_folders, data=settled)
        table = open_table(connection, source)
        if columns_if_empty is None:
            _check_not_empty(table)
        settled_types = {**(types or {}), **{column.name: column.type for column in of_folders}}
        return reader.infer(connection, source, table.raw(), settled_types)


def _check_nulls(names: Iterable[str], columns: Sequence[str]) -> None:
    """Raises UserError where null words are given for a column that is not there."""
    absent = next((name for name in names if name not in columns), None)
    if absent is not None:
        raise UserError(
            f"`data.csv.nulls` names the column {absent!r}, which is not in the files.{did_you_mean(absent, columns)} "
            f"Their columns: {listing(list(columns))}."
        )


def format_of(paths: Sequence[str]) -> str:
    """Returns the one format of files, by their names.

    Raises:
        UserError: a suffix is unknown, or there are several formats.
    """
    formats = {path: _format_of(path) for path in paths}
    first = paths[0]
    other = next((path for path in paths if formats[path] != formats[first]), None)
    if other is not None:
        raise UserError(
            f"The files are in several formats: {first} is {formats[first]}, {other} is {formats[other]}. "
            "One table needs one format: give the others to a run of their own, or convert them."
        )
    return formats[first]


def _format_of(path: str) -> str:
    file_name = pathlib.Path(path).name.lower()
    suffixes = pathlib.Path(file_name).suffixes
    if suffixes and suffixes[-1] in files.COMPRESSIONS:
        suffixes.pop()
    formats = [name for name, reader in READERS.items() if suffixes and suffixes[-1] in reader.suffixes]
    formats += [name for name, reader in READERS.items() if reader.recognizes(file_name)]
    if not formats:
        known = ", ".join(suffix for reader in READERS.values() for suffix in reader.suffixes)
        raise UserError(
            f"The format of {path} cannot be told from its name. Expected one of {known}, followed by .gz or .zst "
            f"if compressed; or write `data: {{format: csv}}` ({listing(list(READERS))})."
        )
    return formats[0]


def _check_not_empty(table: Table) -> None:
    """Raises UserError where no row can be read."""
    if table.rows == 0:
        bad = sum(len(part.rejects) for part in table.parts)
        also = f" that can be read ({bad:,} cannot)" if bad else ""
        raise UserError(
            f"{table.source.files[0]} has {table.reader.no_rows}{also}. A table with rows was expected: add rows, or "
            "name another file."
        )

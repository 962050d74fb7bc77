"""From what a person writes to a source: files, dialect and the types of all columns."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from core.errors import UserError
from ingest import files
from ingest.duckdb_errors import reading
from ingest.readers import json_lines, parquet, tfrecord
from ingest.readers.base import Piece, check_names
from ingest.readers.csv.dialect import detect, header
from ingest.source import Column, Dialect, Format, OnBadRows, Source
from ingest.sql.connection import connect
from ingest.table import Table, open_table, prepare
from ingest.type_inference import infer


def discover(
    patterns: Sequence[str],
    *,
    format: Format | None = None,
    query: str | None = None,
    csv: Mapping[str, Any] | None = None,
    types: Mapping[str, str] | None = None,
    memory: str = "1GB",
    on_bad_rows: OnBadRows = "stop",
    max_bad_rows: float = 0.001,
    num_spans: int = 1,
) -> Source:
    """Returns the source for files, after a look at all their rows.

    Args:
        patterns: paths, globs, `package:NAME/path`, or patterns with {SPAN}, {VERSION}, {YYYY}, {MM} and {DD}.
        format: how the files are written; told from their names if None.
        query: SQL over the files, which it sees as the table `data`.
        csv: fields of `Dialect` by name; what is not given, or None, is told from the first file.
        types: DuckDB types of columns of CSV or JSON lines that should not be inferred, such as VARCHAR for digits that
            are a text.
        memory: the limit for DuckDB.
        on_bad_rows: whether a row that cannot be read is an error or is put aside.
        max_bad_rows: the share of such rows above which it is an error all the same.
        num_spans: how many of the newest spans are read.

    Raises:
        UserError: a file is not there, is empty, is damaged or does not look like the others.
    """
    found = files.expand(patterns, num_spans)
    for file in found:
        files.check_readable(file)
    kind = format or files.format_of(found)
    source = Source(
        files=found,
        format=kind,
        columns=(),
        query=query,
        dialect=detect(found[0], csv) if kind == "csv" else Dialect(),
        memory=memory,
        on_bad_rows=on_bad_rows,
        max_bad_rows=max_bad_rows,
        patterns=tuple(os.path.abspath(files.locate(each)) for each in patterns),
        num_spans=num_spans,
    )
    connection = connect(memory)
    try:
        with reading(source):
            return _typed(connection, source, types or {})
    finally:
        connection.close()


def _typed(connection: duckdb.DuckDBPyConnection, source: Source, types: Mapping[str, str]) -> Source:
    """Returns the source with its columns and, for CSV, the words that it has for missing values."""
    if source.format == "csv":
        return _typed_csv(connection, source, types)
    if source.format == "jsonl":
        columns = json_lines.columns(connection, source.files)
    elif source.format == "tfrecord":
        columns = tfrecord.columns(source.files)
    else:
        columns = parquet.columns(connection, [prepare(connection, source, Piece(file)) for file in source.files])
    check_names(source.files[0], [each.name for each in columns])
    texts = types if source.format == "jsonl" else {}  # the others have types of their own
    chosen = tuple(Column(each.name, texts[each.name]) if each.name in texts else each for each in columns)
    result = dataclasses.replace(source, columns=chosen)
    _check_rows(open_table(connection, result))
    return result


def _typed_csv(connection: duckdb.DuckDBPyConnection, source: Source, types: Mapping[str, str]) -> Source:
    names = header(source.files[0], source.dialect)
    texts = dataclasses.replace(source, columns=tuple(Column(each, "VARCHAR") for each in names))
    table = open_table(connection, texts)
    _check_rows(table)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW texts AS {table.raw()}")
    free = [each for each in names if each not in types]
    inferred = infer(connection, "texts", free, source.dialect)
    found = {column.name: column for column in inferred.columns}
    columns = tuple(found.get(each) or Column(each, types[each]) for each in names)
    nulls = source.dialect.nulls or inferred.null_words  # in the texts of a file a word means what it does elsewhere
    return dataclasses.replace(source, columns=columns, dialect=dataclasses.replace(source.dialect, nulls=nulls))


def _check_rows(table: Table) -> None:
    if table.rows == 0:
        what = "a header and no rows" if table.source.format == "csv" else "no rows"
        bad = sum(len(part.rejects) for part in table.parts)
        also = f" that can be read ({bad:,} cannot)" if bad else ""
        raise UserError(
            f"{table.source.files[0]} has {what}{also}. A table with rows was expected: fill it, or name another."
        )

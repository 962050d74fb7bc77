"""Turns DuckDB's errors into messages for the user: file, line, column, what was expected, what to do."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from core.errors import UserError
from core.text import clause
from ingest.readers import READERS
from ingest.source import Source
from ingest.sql import casts
from ingest.sql.connection import connect
from ingest.table import open_table

_INTERNAL_ERRORS = (duckdb.InternalException, duckdb.FatalException)
_QUERY_ERRORS = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException, duckdb.SyntaxException)


@contextlib.contextmanager
def reading(source: Source) -> Iterator[None]:
    """Turns the errors that DuckDB raises while the block reads a source, and that of a full disk, into `UserError`."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:  # the latter two where DuckDB streams rows as Arrow
        if (explained := _explained(error, source)) is None:
            raise
        raise explained from error


def _explained(error: Exception, source: Source) -> UserError | None:
    """Returns the error for the user; None where the user is not the cause."""
    message = str(error)
    parsed = casts.parsed_error(message)
    if parsed is not None:
        problem, column, value = parsed
        return _value_error(column, value, source) if problem == "value" else _conversion_error(*parsed, source)
    if isinstance(error, duckdb.OutOfMemoryException) or message.startswith("Out of Memory Error"):
        return UserError(
            f"Reading {source.files[0]} needs more than the {source.data.memory} of memory that DuckDB may use. "
            "Give it more by `data: {memory: 4GB}`, or simplify the query."
        )
    if "No space left on device" in message:
        return UserError(f"The disk is full: {clause(message)}. Free some space, or set TMPDIR to another disk.")
    if isinstance(error, _QUERY_ERRORS) and source.data.query is not None:
        return UserError(
            f"The query fails: {message}\n"
            "It must be one SELECT over the table `data`: correct it as `data: {query: ...}`."
        )
    if isinstance(error, _INTERNAL_ERRORS) or message.startswith("INTERNAL Error"):
        return None
    where = source.files[0] if len(source.files) == 1 else f"One of {source.files[0]} and {len(source.files) - 1} more"
    return UserError(f"{where} cannot be read: {clause(message)}.")


def _value_error(name: str, text: str, source: Source) -> UserError:
    """Returns the error for a value that is not of its column's type, with the line of the first such value."""
    (column,) = (column for column in source.columns if column.name == name)
    if not READERS[source.format].holds_texts:
        return UserError(
            f"{source.files[0]}: column {name!r} has the value {text!r}, and {casts.expected(column)} was expected. "
            f"Correct it, convert it by `data: {{query: ...}}`, or write `features: {{{name}: {{type: text}}}}`."
        )
    texts = (dataclasses.replace(other, type="VARCHAR", format=None) for other in source.columns)
    only = tuple(column if other.name == name else other for other in texts)
    quarantine = source.data.model_copy(update={"on_bad_rows": "quarantine"})
    with connect(source.data.memory) as connection:
        table = open_table(connection, dataclasses.replace(source, columns=only, data=quarantine))
        first = next((reject for reject in table.rejects() if name in reject.reason), None)
    nulls = json.dumps({name: [text]}, ensure_ascii=False)
    return UserError(
        f"{first.place if first else source.files[0]}: column {name!r} has the value {text!r}, and "
        f"{casts.expected(column)} was expected, as in the other rows. "
        "Correct it; or put such rows aside by `data: {on_bad_rows: quarantine}`; or, if the word means that the value "
        f"is missing, write `data: {{csv: {{nulls: {nulls}}}}}`; or read the column as text by "
        f"`features: {{{name}: {{type: text}}}}`."
    )


def _conversion_error(target: str, column: str, value: str, source: Source) -> UserError:
    """Returns the error for a value that can be read, but not converted to a payload or the name of a split."""
    if target == "split":
        return UserError(
            f"{source.files[0]}: the split is by column {column!r}, which has the value {value!r}, and train, eval or "
            "test was expected in every row. Correct it, make such a column by `data: {query: ...}`, or split by hash."
        )
    remedy = f"features: {{{column}: {'ignore' if target == 'text' else '{type: text}'}}}"
    return UserError(
        f"{source.files[0]}: column {column!r} has the value {value!r}, and {casts.PAYLOADS[target]} was expected. "
        f"Correct it, convert it by `data: {{query: ...}}`, or write `{remedy}`."
    )

"""What DuckDB complains of, in the words of the person who has to mend it: file, line, column, what was expected."""

import contextlib
import dataclasses
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from core.errors import UserError
from ingest.source import Source
from ingest.sql.casts import complaint
from ingest.sql.connection import connect
from ingest.table import kind, open_table

_OURS = (duckdb.InternalException, duckdb.FatalException)
_QUERY = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException, duckdb.SyntaxException)


@contextlib.contextmanager
def reading(source: Source) -> Iterator[None]:
    """Turns what DuckDB raises while the block reads a source into a `UserError`; so it does for a full disk.

    Where DuckDB's rows come as a stream of Arrow, its errors come as Arrow's or as OSError.
    """
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        explained = explain(error, source)
        if explained is None:
            raise
        raise explained from error


def explain(error: Exception, source: Source) -> UserError | None:
    """Returns the error for the user; None when it is none of his making."""
    message = str(error)
    found = complaint(message)
    if found is not None:
        kind_of_error, column, value = found
        return _bad_value(column, value, source) if kind_of_error == "value" else _misfit(*found, source)
    if isinstance(error, duckdb.OutOfMemoryException) or message.startswith("Out of Memory Error"):
        return UserError(
            f"Reading {source.files[0]} needs more than the {source.memory} of memory that DuckDB may use. "
            "Give it more by `data: {memory: 4GB}`, or make the query simpler."
        )
    if "No space left on device" in message:
        return UserError(
            f"The disk is full: {message.splitlines()[0]}. Free some space, or set TMPDIR to another disk."
        )
    if isinstance(error, _QUERY) and source.query is not None:
        return UserError(
            f"The query fails: {message}\n"
            "It must be one SELECT over the table `data`: correct it as `data: {query: ...}`."
        )
    if isinstance(error, _OURS) or message.startswith("INTERNAL Error"):
        return None
    where = source.files[0] if len(source.files) == 1 else f"One of {source.files[0]} and {len(source.files) - 1} more"
    return UserError(f"{where} cannot be read: {message.strip().splitlines()[0]}")


def _bad_value(column: str, text: str, source: Source) -> UserError:
    """Returns the error for a bad value, with the line on which the first one of its column stands."""
    (pinned,) = (each for each in source.columns if each.name == column)
    only = tuple(
        each if each.name == column else dataclasses.replace(each, type="VARCHAR", format=None)
        for each in source.columns
    )
    connection = connect(source.memory)
    try:
        table = open_table(connection, dataclasses.replace(source, columns=only, on_bad_rows="quarantine"))
        first = next((reject for reject in table.rejects() if column in reject.reason), None)
    finally:
        connection.close()
    where = f"{first.file}, line {first.line:,}" if first else source.files[0]
    return UserError(
        f"{where}: column {column!r} has the value {text!r}, and {kind(pinned)} was expected, as in the other rows. "
        "Correct it; or put such rows aside by `data: {on_bad_rows: quarantine}`; or, if the word means that the value "
        f"is missing, write `data: {{csv: {{nulls: [{text}]}}}}`; or read the column as text by "
        f"`features: {{{column}: {{type: text}}}}`."
    )


def _misfit(what: str, column: str, value: str, source: Source) -> UserError:
    """Returns the error for a value that is readable and fits neither the payload nor the splits."""
    if what == "split":
        return UserError(
            f"{source.files[0]}: the split is by column {column!r}, which has the value {value!r}, and train, eval or "
            "test was expected in every row. Correct it, make such a column by `data: {query: ...}`, or split by hash."
        )
    expected = {"int": "a whole number of 64 bits", "float": "a finite number below 3.4e38", "text": "UTF-8 text"}
    mend = f"features: {{{column}: {'ignore' if what == 'text' else '{type: text}'}}}"
    return UserError(
        f"{source.files[0]}: column {column!r} has the value {value!r}, and {expected[what]} was expected. "
        f"Correct it, convert it by `data: {{query: ...}}`, or write `{mend}`."
    )

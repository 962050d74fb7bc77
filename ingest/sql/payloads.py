"""Converts typed columns to the payload of Examples: int64, float32 or UTF-8 text, and lists of them; SQL, then Arrow.

A value that does not fit is an error that names it. NaN and the empty text are missing values, as they are in a serving
request; so are empty lists, and missing values inside lists.
"""

import dataclasses
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import UserError
from core.spec import Payload
from ingest.source import Dialect
from ingest.sql import casts
from ingest.sql.connection import identifier

_BEYOND_INT64 = {"UBIGINT", "HUGEINT", "UHUGEINT"}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"} | _BEYOND_INT64
_FLOATS = {"FLOAT", "DOUBLE"}
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE"}
_PLAIN = Dialect()
_LARGEST_FLOAT32 = "3.4028235677973366e38"  # half a step above the largest float32: larger values round to infinity


@dataclasses.dataclass(frozen=True)
class Encoding:
    """How Examples hold a column: the payload, and whether a row may hold several values."""

    payload: Payload
    repeated: bool = False


def element_type(duckdb_type: str) -> tuple[str, bool]:
    """Returns the type of a column's values and whether a row holds a list of them."""
    element = re.sub(r"\[\d*\]$", "", duckdb_type)
    return element, element != duckdb_type


def default_encoding(duckdb_type: str) -> Encoding:
    """Returns how Examples hold a column of this type without loss, unless the configuration says otherwise."""
    element, repeated = element_type(duckdb_type)
    if element in _INTEGERS - _BEYOND_INT64 | _TIMES | {"BOOLEAN", "TIMESTAMP_NS"}:
        return Encoding("int", repeated)
    return Encoding("float" if element in _FLOATS else "text", repeated)


def encoded(column: str, duckdb_type: str, encoding: Encoding) -> str:
    """Returns SQL for a column as BIGINT, FLOAT or VARCHAR, or a list of them, under its name.

    Args:
        column: its name.
        duckdb_type: its type.
        encoding: how Examples are to hold it.

    Raises:
        UserError: it has several values in a row, and only one may be held.
    """
    element, is_list = element_type(duckdb_type)
    text = identifier(column)
    if is_list and not encoding.repeated:
        raise UserError(
            f"Column {column!r} holds lists ({duckdb_type}), and one value a row was expected. Write "
            f"`features: {{{column}: {{repeated: true}}}}`, or select one value by `data: {{query: ...}}`."
        )
    if not is_list:
        value = _value(text, element, encoding.payload, column)
        return f"{value} AS {text}" if not encoding.repeated else f"{_present(f'[{value}]')} AS {text}"
    values = f"list_transform({text}, lambda element: {_value('element', element, encoding.payload, column)})"
    return f"{_present(values)} AS {text}"


def _present(values: str) -> str:
    """Returns SQL for a list without its missing values."""
    return f"list_filter({values}, lambda element: element IS NOT NULL)"


def _value(value: str, element: str, payload: Payload, column: str) -> str:
    if payload == "int":
        return _integer(value, element, column)
    return _float(value, element, column) if payload == "float" else _text(value, element, column)


def _or_error(converted: str, value: str, payload: Payload, column: str) -> str:
    """Returns SQL that raises an error, which `casts.parsed_error` reads, for a value that cannot be converted."""
    return f"COALESCE({converted}, CASE WHEN {value} IS NOT NULL THEN {casts.error_sql(payload, column, value)} END)"


def _integer(value: str, element: str, column: str) -> str:
    if element in _INTEGERS - _BEYOND_INT64 | {"BOOLEAN"}:
        return f"{value}::BIGINT"
    if element == "TIMESTAMP_NS":
        return f"epoch_ns({value})"
    if element in _TIMES:
        stamp = f"{value}::TIMESTAMP" if element != "TIMESTAMP WITH TIME ZONE" else f"{value} AT TIME ZONE 'UTC'"
        return _or_error(f"CASE WHEN isfinite({value}) THEN epoch_us({stamp}) END", value, "int", column)
    if element in _FLOATS | _BEYOND_INT64 or element.startswith("DECIMAL"):
        whole = f"CASE WHEN {value} = trunc({value}) THEN TRY_CAST({value} AS BIGINT) END"
        present = f"CASE WHEN NOT isnan({value}) THEN {value} END" if element in _FLOATS else value
        return _or_error(whole, present, "int", column)
    text = f"nullif({value}::VARCHAR, '')"
    integer, stamp = casts.value(text, "BIGINT", _PLAIN), casts.value(text, "TIMESTAMP", _PLAIN)
    return _or_error(
        f"COALESCE({integer}, epoch_us({stamp}))", f"CASE WHEN NOT {casts.missing(text)} THEN {text} END", "int", column
    )


def _float(value: str, element: str, column: str) -> str:
    if element in _FLOATS:
        present = f"CASE WHEN NOT isnan({value}) THEN {value} END"
        fits = f"CASE WHEN abs({value}) < {_LARGEST_FLOAT32} THEN {value}::FLOAT END"
        return _or_error(fits, present, "float", column)
    if element in _INTEGERS | {"BOOLEAN"} or element.startswith("DECIMAL"):
        return f"{value}::FLOAT"
    text = f"nullif({value}::VARCHAR, '')"
    number = casts.value(text, "DOUBLE", _PLAIN)
    fits = f"CASE WHEN abs({number}) < {_LARGEST_FLOAT32} THEN ({number})::FLOAT END"
    return _or_error(fits, f"CASE WHEN NOT {casts.missing(text)} THEN {text} END", "float", column)


def _text(value: str, element: str, column: str) -> str:
    if element == "BLOB":
        return _or_error(f"nullif(try(decode({value})), '')", f"nullif({value}, ''::BLOB)", "text", column)
    if element in _FLOATS:
        return f"CASE WHEN NOT isnan({value}) THEN {value}::VARCHAR END"
    if element.startswith(("STRUCT", "MAP", "UNION")) or element.endswith("]"):
        return f"to_json({value})::VARCHAR"
    return f"nullif({value}::VARCHAR, '')"


def to_lists(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Returns rows of `encoded` columns as the list columns of Examples."""
    columns = [_lists(table.column(field.name).combine_chunks(), field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _lists(column: pa.Array, arrow_type: pa.DataType) -> pa.LargeListArray:
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0), dtype=np.int64)
        values = column.flatten()
    else:
        lengths = np.asarray(column.is_valid()).astype(np.int64)
        values = column.drop_null()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    missing = pa.array(lengths == 0)
    return pa.LargeListArray.from_arrays(offsets, values.cast(arrow_type.value_type), type=arrow_type, mask=missing)

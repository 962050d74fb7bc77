"""Converts typed columns to the payload of Examples: int64, float32, float64 or text, and lists; SQL, then Arrow.

A value that does not fit is an error that names it. NaN and the empty text are missing values, as they are in a serving
request; so are empty lists, and missing values inside lists.
"""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import UserError
from core.spec import Feature, Payload, Unit
from ingest.source import Dialect
from ingest.sql import casts, moments, texts
from ingest.sql.connection import identifier
from ingest.sql.moments import TIMES
from ingest.sql.values import FLOATS, INTEGERS, element_type

_BEYOND_INT64 = {"UBIGINT", "HUGEINT", "UHUGEINT"}
_PLAIN = Dialect()
LARGEST_FLOAT32 = "3.4028235677973366e38"  # half a step above the largest float32: larger values round to infinity


@dataclasses.dataclass(frozen=True)
class PayloadEncoding:
    """How Examples hold a column: the payload, whether a row may hold several values, and the unit of moments."""

    payload: Payload
    repeated: bool = False
    unit: Unit | None = None


def feature_encoding(feature: Feature) -> PayloadEncoding:
    """Returns how Examples hold a feature."""
    return PayloadEncoding(feature.payload, feature.repeated, feature.unit if feature.kind == "timestamp" else None)


def default_encoding(duckdb_type: str) -> PayloadEncoding:
    """Returns how Examples hold a column of this type without loss, unless the configuration says otherwise."""
    element, repeated = element_type(duckdb_type)
    if element in INTEGERS - _BEYOND_INT64 | TIMES | {"BOOLEAN"}:
        return PayloadEncoding("int", repeated)
    return PayloadEncoding("float" if element in FLOATS else "text", repeated)


def encoded(column: str, duckdb_type: str, encoding: PayloadEncoding) -> str:
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
        value = _value(text, element, encoding, column)
        return f"{value} AS {text}" if not encoding.repeated else f"{_present(f'[{value}]')} AS {text}"
    values = f"list_transform({text}, lambda element: {_value('element', element, encoding, column)})"
    return f"{_present(values)} AS {text}"


def _present(values: str) -> str:
    """Returns SQL for a list without its missing values."""
    return f"list_filter({values}, lambda element: element IS NOT NULL)"


def _value(value: str, element: str, encoding: PayloadEncoding, column: str) -> str:
    if encoding.payload == "int":
        return _integer(value, element, column, encoding.unit)
    if encoding.payload == "text":
        return _text(value, element, column)
    return _float(value, element, encoding.payload, column)


def _or_error(converted: str, value: str, payload: Payload | Unit, column: str) -> str:
    """Returns SQL that raises an error, which `casts.parsed_error` reads, for a value that cannot be converted."""
    return f"COALESCE({converted}, CASE WHEN {value} IS NOT NULL THEN {casts.error_sql(payload, column, value)} END)"


def _integer(value: str, element: str, column: str, unit_of_moments: Unit | None) -> str:
    unit, problem = unit_of_moments or moments.natural_unit(element), unit_of_moments or "int"
    if element in INTEGERS - _BEYOND_INT64 | {"BOOLEAN"}:
        return f"{value}::BIGINT"
    if element in TIMES:
        return _or_error(moments.whole_number(value, element, unit), value, problem, column)
    if element in FLOATS | _BEYOND_INT64 or element.startswith("DECIMAL"):
        whole = f"CASE WHEN {value} = trunc({value}) THEN TRY_CAST({value} AS BIGINT) END"
        present = f"CASE WHEN NOT isnan({value}) THEN {value} END" if element in FLOATS else value
        return _or_error(whole, present, problem, column)
    text = f"nullif({value}::VARCHAR, '')"
    integer = texts.whole_number(text, "BIGINT", _PLAIN)
    moment = moments.whole_number(texts.moment(text, None), "TIMESTAMP", unit)
    present = f"CASE WHEN NOT {texts.missing(text)} THEN {text} END"
    return _or_error(f"COALESCE({integer}, {moment})", present, problem, column)


def _float(value: str, element: str, payload: Payload, column: str) -> str:
    sql_type, limit = ("DOUBLE", "'inf'::DOUBLE") if payload == "double" else ("FLOAT", LARGEST_FLOAT32)
    if element in FLOATS:
        present = f"CASE WHEN NOT isnan({value}) THEN {value} END"
        fits = f"CASE WHEN abs({value}) < {limit} THEN {value}::{sql_type} END"
        return _or_error(fits, present, payload, column)
    if element in INTEGERS | {"BOOLEAN"}:
        return f"{value}::{sql_type}"
    if element.startswith("DECIMAL"):  # DuckDB divides as FLOAT, and other formats hold the number as DOUBLE
        return f"{value}::DOUBLE::{sql_type}"
    text = f"nullif({value}::VARCHAR, '')"
    number = texts.number(text, _PLAIN)
    fits = f"CASE WHEN abs({number}) < {limit} THEN ({number})::{sql_type} END"
    return _or_error(fits, f"CASE WHEN NOT {texts.missing(text)} THEN {text} END", payload, column)


def _text(value: str, element: str, column: str) -> str:
    if element == "BLOB":
        return _or_error(f"nullif(try(decode({value})), '')", f"nullif({value}, ''::BLOB)", "text", column)
    if element in FLOATS:
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

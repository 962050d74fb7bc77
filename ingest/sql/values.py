"""Reads one value of any type as the type of its column: SQL for the same value, and for whether it means "missing".

The rule is the same for every format, in training and in prediction: docs/values.md states it.
"""

import dataclasses
import re
from typing import Literal

from ingest.source import Column, Dialect
from ingest.sql import moments, texts
from ingest.sql.connection import literal

INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"}
INTEGERS |= {"UHUGEINT"}
FLOATS = {"FLOAT", "DOUBLE"}
_EXACT_DIGITS = 10**15

_Class = Literal["integer", "number", "boolean", "moment", "text", "binary", "other"]


@dataclasses.dataclass(frozen=True)
class Reading:
    """SQL for one value as a value of its column's type.

    Attributes:
        usual: the value, where it is written or held in the usual way; else NULL.
        missing: whether it means "missing".
        other: the value, where it is written in another way; else NULL. It takes longer.
    """

    usual: str
    missing: str
    other: str = "NULL"

    @property
    def value(self) -> str:
        """The value, or NULL."""
        return self.usual if self.other == "NULL" else f"coalesce({self.usual}, {self.other})"

    @property
    def bad(self) -> str:
        """Whether it is neither missing nor a value of the type."""
        return f"({self.usual} IS NULL AND NOT {self.missing} AND {self.other} IS NULL)"

    def or_error(self, error: str) -> str:
        """Returns SQL for the value, which evaluates `error` where it is bad."""
        last = error if self.other == "NULL" else f"coalesce({self.other}, {error})"
        return f"coalesce({self.usual}, CASE WHEN NOT {self.missing} THEN {last} END)"


def element_type(duckdb_type: str) -> tuple[str, bool]:
    """Returns the type of a column's values and whether a row holds a list of them."""
    element = re.sub(r"\[\d*\]$", "", duckdb_type)
    return element, element != duckdb_type


def reading(value: str, held: str, column: Column, dialect: Dialect) -> Reading:
    """Returns how a value of type `held` is read as the type of a column, or of the values of its lists."""
    wanted = element_type(column.type)[0]
    match type_class(held), type_class(wanted):
        case "text", _:
            text = _of_text(value if held == "VARCHAR" else f"{value}::VARCHAR", wanted, column, dialect)
            return text if column.lenient else dataclasses.replace(text, other="NULL")
        case "binary", "text":
            return Reading(f"try(decode({value}))", f"({value} IS NULL)")
        case "binary", _:
            return _of_text(f"coalesce(try(decode({value})), {value}::VARCHAR)", wanted, column, dialect)
        case "number", _ if held in FLOATS:
            return Reading(_of_value(value, held, wanted, column), f"({value} IS NULL OR isnan({value}))")
    return Reading(_of_value(value, held, wanted, column), f"({value} IS NULL)")


def type_class(element: str) -> _Class:
    """Returns the class of a type."""
    if element in INTEGERS or element in moments.TIMES:
        return "integer" if element in INTEGERS else "moment"
    if element in FLOATS or element.startswith("DECIMAL"):
        return "number"
    classes: dict[str, _Class] = {"BOOLEAN": "boolean", "BLOB": "binary", "VARCHAR": "text", "UUID": "text"}
    return "text" if element.startswith("ENUM") else classes.get(element, "other")


def _of_text(text: str, wanted: str, column: Column, dialect: Dialect) -> Reading:
    if column.nulls:
        text = f"CASE WHEN {text} NOT IN ({', '.join(map(literal, column.nulls))}) THEN {text} END"
    missing = texts.missing(text)
    match type_class(wanted):
        case "text" | "other" | "binary":
            return Reading(_kept_text(text, wanted, column), f"({text} IS NULL)")
        case "integer" if column.unit:
            usual = _between(texts.value(text, wanted, dialect), column)
            moment = moments.whole_number(texts.moment(text, column.format), "TIMESTAMP", column.unit)
            whole = _between(texts.whole_number(text, wanted, dialect), column)
            return Reading(usual, missing, f"coalesce({moment}, {whole})")
        case "integer":
            return Reading(texts.value(text, wanted, dialect), missing, texts.whole_number(text, wanted, dialect))
        case "number":
            usual, other = texts.value(text, "DOUBLE", dialect, column.format), texts.number(text, dialect)
            return Reading(_as_number(usual, wanted), missing, _as_number(other, wanted))
        case "boolean":
            return Reading(texts.value(text, wanted, dialect), missing, texts.boolean(text))
    iso = moments.converted(texts.moment(text, column.format), "TIMESTAMP", wanted)
    other = f"coalesce({iso}, {_of_bare(texts.whole_number(text, 'BIGINT', dialect), wanted, column)})"
    is_usual = wanted in ("DATE", "TIMESTAMP", "TIMESTAMP_NS")
    return Reading(texts.value(text, wanted, dialect, column.format) if is_usual else iso, missing, other)


def _kept_text(text: str, wanted: str, column: Column) -> str:
    """Returns SQL for a text that stays one; in a column of moments, a whole number becomes a moment."""
    if column.unit:
        moment = _of_bare(texts.value(text, "BIGINT", Dialect()), "TIMESTAMP", column)
        return f"CASE WHEN {texts.is_integer(text)} THEN {moment}::VARCHAR ELSE {text} END"
    return text if wanted == "VARCHAR" else f"TRY_CAST({text} AS {wanted})"


def _of_value(value: str, held: str, wanted: str, column: Column) -> str:
    """Returns SQL for a value that is no text as type `wanted`; NULL where it is another value."""
    kind, wanted_kind = type_class(held), type_class(wanted)
    if column.unit and kind in ("integer", "number"):
        return _of_bare(_whole(value, held, "BIGINT"), wanted, column)
    if wanted_kind == "text":
        text = _as_text(value, held)
        return text if wanted == "VARCHAR" else f"TRY_CAST({text} AS {wanted})"
    match kind, wanted_kind:
        case "moment", "moment":
            return moments.converted(value, held, wanted)
        case "moment", ("integer" | "number") if column.unit:
            return f"TRY_CAST({moments.whole_number(value, held, column.unit)} AS {wanted})"
        case "boolean", "boolean":
            return value
        case "boolean", ("integer" | "number"):
            return f"{value}::INTEGER::{wanted}"
        case (("moment" | "boolean"), _):
            return f"CASE WHEN false THEN NULL::{wanted} END"
        case (("integer" | "number"), "integer"):
            return _whole(value, held, wanted)
        case (("integer" | "number"), "number"):
            return _as_number(f"{value}::DOUBLE", wanted)
        case (("integer" | "number"), "boolean"):
            return f"CASE {value} WHEN 0 THEN false WHEN 1 THEN true END"
    converted = f"TRY_CAST({value} AS {wanted})"
    return f"CASE WHEN TRY_CAST({converted} AS {held}) IS NOT DISTINCT FROM {value} THEN {converted} END"


def _as_text(value: str, held: str) -> str:
    """Returns SQL for a value as a text: whole numbers without a point, moments as UTC."""
    kind = type_class(held)
    if kind == "moment" and held != "DATE":
        return f"{moments.converted(value, held, 'TIMESTAMP')}::VARCHAR"
    if kind != "number":
        return f"to_json({value})::VARCHAR" if kind == "other" else f"{value}::VARCHAR"
    whole = f"CASE WHEN {value} = trunc({value}) AND abs({value}) < {_EXACT_DIGITS} THEN {value}::BIGINT END"
    present = f"CASE WHEN NOT isnan({value}) THEN {value} END" if held in FLOATS else value
    return f"coalesce({whole}::VARCHAR, {present}::VARCHAR)"


def _whole(value: str, held: str, wanted: str) -> str:
    converted = value if held == wanted else f"TRY_CAST({value} AS {wanted})"
    return converted if held in INTEGERS else f"CASE WHEN {value} = trunc({value}) THEN {converted} END"


def _as_number(double: str, wanted: str) -> str:
    """Returns SQL for a DOUBLE as type `wanted`; as a DECIMAL only without loss."""
    if wanted == "DOUBLE":
        return double
    converted = f"TRY_CAST({double} AS {wanted})"
    return converted if wanted == "FLOAT" else f"CASE WHEN {converted}::DOUBLE = {double} THEN {converted} END"


def _of_bare(whole: str, wanted: str, column: Column) -> str:
    """Returns SQL for a BIGINT in the unit of its column as a whole number, a moment or the text of a moment."""
    if not column.unit:
        return "NULL"
    near = _between(whole, column)
    match type_class(wanted):
        case "moment":
            return moments.from_whole_number(near, column.unit, wanted)
        case "text":
            return f"{moments.from_whole_number(near, column.unit, 'TIMESTAMP')}::VARCHAR"
    return f"TRY_CAST({near} AS {wanted})"


def _between(whole: str, column: Column) -> str:
    """Returns SQL for a whole number in the unit of its column; NULL where it is far from all of training."""
    if not column.bounds:
        return whole
    low, high = column.bounds
    return f"CASE WHEN {whole} BETWEEN {low} AND {high} THEN {whole} END"

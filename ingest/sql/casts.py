"""Reads columns of any type as the types that they have in the table; another value is an error and not a change."""

import datetime
from collections.abc import Callable

from core.spec import PER_SECOND, UNIT_NAMES
from ingest.source import Column, Dialect
from ingest.sql.connection import identifier, literal
from ingest.sql.values import Reading, element_type, reading, type_class

_MARK = "\x1f"  # separates the parts of an error that `parsed_error` reads
_SINCE_1970 = "a whole number of {} ({}) since 1970-01-01 UTC"
_EXPECTED = {
    "integer": "a whole number of 64 bits",
    "number": "a finite number",
    "boolean": "true or false",
    "text": "text in UTF-8",
}
# What Examples can hold, by the problem of an error: a payload, or the unit of a moment.
PAYLOADS: dict[str, str] = {
    "int": _EXPECTED["integer"],
    "float": "a finite number below 3.4e38",
    "double": _EXPECTED["number"],
    "text": _EXPECTED["text"],
    **{unit: f"a date, a date with a time, or {_SINCE_1970.format(name, unit)}" for unit, name in UNIT_NAMES.items()},
}


def cast(column: Column, held: str, dialect: Dialect) -> str:
    """Returns SQL for a column of type `held` as its own type; NULL for what is not a value of it."""
    return _of_values(column, held, dialect, lambda of_value: of_value.value)


def checked(column: Column, held: str, dialect: Dialect) -> str:
    """Returns SQL like `cast`, which raises an error that `parsed_error` reads for what is not a value."""
    name, element = identifier(column.name), identifier(column.name)
    if element_type(column.type)[1] and element_type(held)[1]:
        element = "element"
    error = error_sql("value", column.name, element)
    return f"{_of_values(column, held, dialect, lambda of_value: of_value.or_error(error))} AS {name}"


def bad(column: Column, held: str, dialect: Dialect) -> str:
    """Returns SQL that says whether a column holds something that is neither missing nor a value of its type."""
    if _is_same(column, held):
        return "false"
    name, (element, is_list) = identifier(column.name), element_type(held)
    if not (is_list and element_type(column.type)[1]):
        return reading(name, held, column, dialect).bad
    is_bad = reading("element", element, column, dialect).bad
    return f"coalesce(len(list_filter({name}, lambda element: {is_bad})) > 0, false)"


def _is_same(column: Column, held: str) -> bool:
    return held == column.type and not (column.nulls or column.unit)


def _of_values(column: Column, held: str, dialect: Dialect, sql: Callable[[Reading], str]) -> str:
    """Returns SQL for the value of a column, or for all values of its lists; one value may stand for a list of one."""
    name, (element, is_list) = identifier(column.name), element_type(held)
    if _is_same(column, held):
        return name
    if not element_type(column.type)[1]:
        return sql(reading(name, held, column, dialect))
    if not is_list:
        return f"CASE WHEN {name} IS NOT NULL THEN [{sql(reading(name, held, column, dialect))}] END"
    return f"list_transform({name}, lambda element: {sql(reading('element', element, column, dialect))})"


def expected(column: Column) -> str:
    """Returns what a value of a column must be, for messages."""
    element, is_list = element_type(column.type)
    kind = type_class(element)
    one = _EXPECTED.get(kind, f"a value of type {element}")
    if kind == "moment" or column.unit:
        one = "a date" if element == "DATE" else "a date with a time"
        one = f"a date written as {column.format} or in ISO 8601" if column.format and kind == "moment" else one
    if column.unit:
        one += f", or {_SINCE_1970.format(UNIT_NAMES[column.unit], column.unit)}"
        if column.bounds:
            low, high = (_shown(bound, PER_SECOND[column.unit]) for bound in column.bounds)
            one += f" between {column.bounds[0]} ({low}) and {column.bounds[1]} ({high}), near those of training,"
    return f"a list, each value of it {one}" if is_list else one


def _shown(bound: int, per_second: int) -> str:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=bound // per_second)
    return f"{moment:%Y-%m-%d}"


def error_sql(problem: str, column: str, value: str) -> str:
    """Returns SQL that raises an error which `parsed_error` reads.

    Args:
        problem: what is wrong, one word.
        column: the name of the column.
        value: SQL for the value.
    """
    return f"error({literal(_MARK + problem + _MARK + column + _MARK)} || {value}::VARCHAR || {literal(_MARK)})"


def parsed_error(message: str) -> tuple[str, str, str] | None:
    """Returns the problem, the column and the value of an error of `error_sql`; None for other errors."""
    parts = message.split(_MARK)
    return (parts[1], parts[2], _MARK.join(parts[3:-1])) if len(parts) >= 5 else None

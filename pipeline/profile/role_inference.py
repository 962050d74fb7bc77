"""From what a column looks like to the role it plays: plain functions of a few facts, each answer with its reason."""

import dataclasses
import datetime
import re
from typing import Any, Literal

from core.sections import Role
from core.spec import Payload, Unit

TypeClass = Literal["integer", "float", "boolean", "timestamp", "time", "text", "list", "nested", "binary"]

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"} | {
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}
_IDENTIFIER_NAME = r"(^|_)(id|ids|uuid|guid|key|index|idx|row|rownum|number|no|nr|num|pk|unnamed)(_|$|\d)|^$|[a-z]Id$"
_CODE_NAME = (
    r"(^|_)(zip|zipcode|postcode|postal|code|area|zone|tract|region|district|ward|precinct|id|fips|naics|sic)(_|$)"
)
_TIME_NAME = r"(^|_)(time|date|datetime|timestamp|ts|at|epoch|created|updated|when|day)(_|$)|[a-z](Time|Date|At)$"
_FIRST_YEAR, _LAST_YEAR = 1980, 2100
_PER_SECOND: dict[Unit, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

# Whole numbers up to here are exact as float32, which is what a numeric feature becomes.
_EXACT_FLOAT = 2**24
_FEW = 32
_VERY_FEW = 10
_ROWS_PER_VALUE = 20


@dataclasses.dataclass(frozen=True)
class Facts:
    """What one column looks like over all rows.

    Attributes:
        name: the column's name.
        type: its DuckDB type.
        rows: how many rows the table has.
        present: how many of them have a value; neither null nor NaN.
        distinct: how many different values there are: exact where it is small or where `unique` depends on it.
        unique: whether every value that is present occurs once.
        low: the least value, of columns that are ordered.
        high: the greatest value.
        whole: floats only: whether all values are whole numbers.
        length: texts only: the mean number of characters.
        words: texts only: the mean number of words.
        dates: texts only: whether every value is a date or a timestamp in ISO 8601.
        missing_word: texts only: a value that elsewhere means that there is none, such as `NA`.
    """

    name: str
    type: str
    rows: int
    present: int
    distinct: int = 0
    unique: bool = False
    low: Any = None
    high: Any = None
    whole: bool = False
    length: float = 0.0
    words: float = 0.0
    dates: bool = False
    missing_word: str | None = None


@dataclasses.dataclass(frozen=True)
class Guess:
    """The role that fits a column, how Examples hold it, and why."""

    kind: Role
    payload: Payload
    reason: str
    unit: Unit | None = None
    repeated: bool = False


def type_class(duckdb_type: str) -> TypeClass:
    """Returns what sort of values a DuckDB type has."""
    base = duckdb_type.partition("(")[0].upper()
    if duckdb_type.endswith("]"):
        inner = type_class(duckdb_type[: duckdb_type.rindex("[")])
        return "nested" if inner in ("list", "nested", "binary") else "list"
    if base in _INTEGERS:
        return "integer"
    if base in ("FLOAT", "DOUBLE", "DECIMAL"):
        return "float"
    if base in ("BOOLEAN", "TIME", "BLOB"):
        classes: dict[str, TypeClass] = {"BOOLEAN": "boolean", "TIME": "time", "BLOB": "binary"}
        return classes[base]
    if base.startswith("TIMESTAMP") or base == "DATE":
        return "timestamp"
    return "text" if base in ("VARCHAR", "UUID", "ENUM") else "nested"


def natural_payload(facts: Facts) -> Payload:
    """Returns how Examples hold a column of this type unless told otherwise."""
    inner = type_class(facts.type)
    if inner == "list":
        inner = type_class(facts.type[: facts.type.rindex("[")])
    if inner == "integer":
        fits = facts.low is None or (facts.low >= -(2**63) and facts.high < 2**63)
        return "int" if fits else "text"
    payloads: dict[str, Payload] = {"float": "float", "boolean": "int", "timestamp": "int"}
    return payloads.get(inner, "text")


def guess(facts: Facts) -> Guess:
    """Returns the role of a column that nobody has spoken of."""
    if facts.distinct <= 1 and type_class(facts.type) not in ("list", "nested", "binary"):
        constant = _constant(facts)
        if constant:
            return constant
    by_class = {
        "integer": _integer,
        "float": _float,
        "boolean": lambda facts: Guess("categorical", "int", "true or false"),
        "timestamp": _timestamp,
        "text": _text,
        "list": _list,
    }
    inner = type_class(facts.type)
    if inner in by_class:
        return by_class[inner](facts)
    advice = {
        "time": "a time of day; take hour(...) of it in a query to use it",
        "nested": f"nested values ({short(facts.type)}); take fields of it in a query to use them",
        "binary": "binary content",
    }
    return Guess("ignore", "text", advice[inner])


def _constant(facts: Facts) -> Guess | None:
    missing = facts.rows - facts.present
    rare = max(5, facts.rows // 1_000)
    if missing and min(missing, facts.present) >= rare:
        return None
    also = f" or missing ({missing:,} of {facts.rows:,})" if missing else ""
    return Guess("ignore", natural_payload(facts), f"constant: always {short(facts.low)}{also}")


def _integer(facts: Facts) -> Guess:
    payload = natural_payload(facts)
    if facts.distinct == 2:
        return Guess("categorical", payload, f"two values, {facts.low} and {facts.high}")
    unit = epoch_unit(facts)
    if unit:
        return Guess("timestamp", payload, f"named like a time, and {_span(facts, unit)} in {unit} since 1970", unit)
    if facts.unique and _is_identifier(facts):
        return Guess("ignore", payload, "identifier: another whole number on every row")
    if payload == "text":
        return Guess("categorical", payload, "whole numbers beyond 64 bits, taken as texts")
    dense = facts.distinct <= _VERY_FEW or facts.high - facts.low < 2 * facts.distinct
    if facts.distinct <= _FEW and dense and facts.present >= _ROWS_PER_VALUE * facts.distinct:
        return Guess("categorical", payload, f"{facts.distinct} different whole numbers")
    if re.search(_CODE_NAME, facts.name, re.IGNORECASE) and 2 * facts.distinct <= facts.present:
        return Guess("categorical", payload, f"named like a code, {facts.distinct:,} different whole numbers")
    if facts.low > _EXACT_FLOAT and 10 * facts.distinct <= facts.present:
        return Guess("categorical", payload, f"{facts.distinct:,} different whole numbers too long to be amounts")
    return Guess("numeric", payload, f"{facts.distinct:,} different whole numbers, {facts.low} to {facts.high}")


def _is_identifier(facts: Facts) -> bool:
    if re.search(_IDENTIFIER_NAME, facts.name, re.IGNORECASE):
        return True
    dense = facts.high - facts.low + 1 <= 1.1 * facts.present  # row numbers, of which some rows may be gone
    return facts.present >= _ROWS_PER_VALUE and dense


def epoch_unit(facts: Facts) -> Unit | None:
    """Returns the unit in which whole numbers count from 1970, where name and range say that they do."""
    if not re.search(_TIME_NAME, facts.name, re.IGNORECASE):
        return None
    first, last = ((year - 1970) * 31_556_952 for year in (_FIRST_YEAR, _LAST_YEAR))
    fits = (unit for unit, per in _PER_SECOND.items() if first * per <= facts.low and facts.high <= last * per)
    return next(fits, None)


def _span(facts: Facts, unit: Unit) -> str:
    low, high = (
        datetime.datetime.fromtimestamp(value // _PER_SECOND[unit], datetime.UTC) for value in (facts.low, facts.high)
    )
    return f"{low:%Y-%m-%d} to {high:%Y-%m-%d}"


def _float(facts: Facts) -> Guess:
    what = "whole numbers with a decimal point" if facts.whole else "numbers"
    return Guess("numeric", "float", f"{what}, {short(facts.low)} to {short(facts.high)}")


def _timestamp(facts: Facts) -> Guess:
    what = "dates" if facts.type == "DATE" else "timestamps"
    return Guess("timestamp", "int", f"{what}, {short(facts.low)} to {short(facts.high)}", natural_unit(facts))


def natural_unit(facts: Facts) -> Unit:
    """Returns the unit in which Examples hold a column's timestamps."""
    if type_class(facts.type) == "integer":
        return epoch_unit(dataclasses.replace(facts, name="time")) or "s"
    return "ns" if facts.type == "TIMESTAMP_NS" else "us"


def _text(facts: Facts) -> Guess:
    if facts.dates:
        return Guess("timestamp", "int", f"dates as text, {short(facts.low)} to {short(facts.high)}", "us")
    share = facts.distinct / max(facts.present, 1)
    size = f"{facts.words:.0f} words on average"
    if (facts.words >= 3 and share > 0.5 and facts.present > 2) or (facts.words >= 8 and facts.distinct > 100):
        return Guess("text", "text", f"{size}, {facts.distinct:,} different in {facts.present:,}")
    if facts.present >= _ROWS_PER_VALUE and (facts.unique or share > 0.95):
        often = "another text on every row" if facts.unique else f"{share:.0%} of its texts occur once"
        return Guess("ignore", "text", f"identifier: {often}")
    return Guess("categorical", "text", f"{facts.distinct:,} different texts")


def _list(facts: Facts) -> Guess:
    payload = natural_payload(facts)
    kind: Role = "numeric" if payload == "float" else "categorical"
    return Guess(kind, payload, f"lists of values ({short(facts.type)})", repeated=True)


def short(value: Any) -> str:
    """Returns a value in at most 40 characters."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."

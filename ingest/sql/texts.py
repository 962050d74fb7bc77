"""Reads texts as values of a type: SQL that gives NULL for a text that is not exactly such a value.

DuckDB's own casts round `3.5` to 4, take `0x1F` for a number, read the year 23 and drop the offset of a timestamp, so
this module defines which texts a type accepts. `value` is the usual way to write a type, which decides the type of a
column; `other_ways` are the further ways to write the same value, such as `5.0` for the whole number 5.
"""

from core.spec import EXACT_DOUBLE
from core.text import FALSE_WORDS, NULL_WORDS, TRUE_WORDS
from ingest.source import Dialect
from ingest.sql.connection import literal

POINT, COMMA = "1,234.5", "1.234,5"  # numbers with marks of thousands: `Column.format` of a column of such numbers
DATE_OF_DIGITS = "%Y%m%d"

_INTEGER = r"\s*[+-]?[0-9]+\s*"
_THOUSANDS = "'’\u00a0\u202f"
_CURRENCY = "[$€£¥₹]?"


def value(text: str, column_type: str, dialect: Dialect, written: str | None = None) -> str:
    """Returns SQL for a text as a value of the type, written in the usual way; NULL when it is not one.

    Args:
        text: SQL for a VARCHAR.
        column_type: VARCHAR, an integer type, DOUBLE, BOOLEAN, DATE, TIMESTAMP or TIMESTAMP_NS.
        dialect: its decimal separator is used.
        written: `Column.format`: the strptime format of a TIMESTAMP that is not ISO 8601, or POINT or COMMA.
    """
    digit = f"ltrim({text}) >= '0' AND ltrim({text}) < ':'"
    match column_type:
        case "VARCHAR":
            return text
        case "DOUBLE" if written is not None:
            return f"CASE WHEN {_is_written_number(text, written)} THEN {_marked_number(text, written)} END"
        case "DOUBLE":
            number, points = text, ""
            if dialect.decimal == ",":  # a point is then a mark of thousands
                number, points = f"replace({text}, ',', '.')", f" AND NOT contains({text}, '.')"
            cast = f"TRY_CAST({number} AS DOUBLE)"
            return f"CASE WHEN isfinite({cast}) AND NOT contains({text}, '_'){points} THEN {cast} END"
        case "BOOLEAN":
            return f"CASE lower(trim({text})) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "DATE":
            return f"CASE WHEN {digit} AND length(trim({text})) <= 10 THEN TRY_CAST({text} AS DATE) END"
        case "TIMESTAMP" if written is not None:  # %Y takes 23 for the year 23
            least = "TIMESTAMP '1000-01-01'"
            return f"nullif(greatest(TRY_STRPTIME({text}, {literal(written)}), {least}), {least})"
        case "TIMESTAMP":
            cast = f"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
            return f"CASE WHEN {digit} AND NOT regexp_matches({text}, '\\.[0-9]{{7}}') THEN {cast} END"
        case "TIMESTAMP_NS":
            same = f"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' = TRY_CAST({text} AS TIMESTAMP)"
            return f"CASE WHEN {digit} AND {same} THEN TRY_CAST({text} AS TIMESTAMP_NS) END"
    return f"CASE WHEN {is_integer(text)} THEN TRY_CAST({text} AS {column_type}) END"


def number(text: str, dialect: Dialect) -> str:
    """Returns SQL for a text as DOUBLE in any way to write a number of which there is one reading."""
    is_point, is_comma = _is_written_number(text, POINT), _is_written_number(text, COMMA)
    point, comma = _marked_number(text, POINT), _marked_number(text, COMMA)
    marked = f"CASE WHEN {is_comma} THEN {comma} WHEN {is_point} THEN {point} END"
    if dialect.decimal == ".":  # 1,234 has two readings there
        other = f"regexp_matches({text}, '[.,]') AND {is_comma}"
        marked = (
            f"CASE WHEN NOT {is_point} THEN CASE WHEN {is_comma} THEN {comma} END WHEN NOT ({other}) THEN {point} END"
        )
    return f"coalesce({value(text, 'DOUBLE', dialect)}, {marked}, {value(text, 'BOOLEAN', dialect)}::DOUBLE)"


def whole_number(text: str, column_type: str, dialect: Dialect) -> str:
    """Returns SQL for a text as an integer type in any way to write a number, such as 5.0."""
    whole = f"CASE WHEN x = trunc(x) AND abs(x) < {EXACT_DOUBLE} THEN TRY_CAST(x AS {column_type}) END"
    digits = f"TRY_CAST(regexp_extract({text}, '^\\s*([+-]?[0-9]+)(\\.0*)?\\s*$', 1) AS {column_type})"
    return f"coalesce({digits}, list_transform([{number(text, dialect)}], lambda x: {whole})[1])"


def boolean(text: str) -> str:
    """Returns SQL for a text as BOOLEAN in any way to write one, such as yes or 1."""
    word = f"lower(trim({text}))"
    return f"CASE WHEN {word} IN {TRUE_WORDS} THEN true WHEN {word} IN {FALSE_WORDS} THEN false END"


def is_integer(text: str) -> str:
    """Returns SQL that says whether a text is a whole number of any size."""
    return f"regexp_full_match({text}, '{_INTEGER}')"


def moment(text: str, written: str | None) -> str:
    """Returns SQL for a text as TIMESTAMP: in the format of its column, or in ISO 8601 with or without an offset."""
    iso = [value(text, "TIMESTAMP", Dialect()), f"make_timestamp(epoch_us({value(text, 'TIMESTAMP_NS', Dialect())}))"]
    own = [value(text, "TIMESTAMP", Dialect(), written)] if written else []
    return f"coalesce({', '.join(own + iso)})"


def missing(text: str) -> str:
    """Returns SQL that says whether a text of a column that is not text means "missing"."""
    return f"({text} IS NULL OR lower(trim({text})) IN ({', '.join(map(literal, NULL_WORDS))}, ''))"


def _is_written_number(text: str, written: str) -> str:
    """Returns SQL that says whether a text is a number: with marks of thousands, a currency, %, or brackets."""
    digits = f"([1-9][0-9]{{0,2}}([{_THOUSANDS}{written[1]}][0-9]{{3}})+|[0-9]+)?([{written[-2]}][0-9]*)?"
    amount = rf"{_CURRENCY}\s?[+-]?{digits}\s?{_CURRENCY}%?"
    pattern = rf"\s*([+-]?{amount}|\({amount}\))\s*"
    return f"regexp_full_match({text}, {literal(pattern)})"


def _marked_number(text: str, written: str) -> str:
    """Returns SQL for such a text as DOUBLE; in brackets it is negative, as accountants write it."""
    decimal = written[-2]
    plain = f"replace(regexp_replace({text}, '[^0-9{decimal}+-]', '', 'g'), '{decimal}', '.')"
    factor = f"CASE WHEN contains({text}, '(') THEN -1 ELSE 1 END / CASE WHEN contains({text}, '%') THEN 100 ELSE 1 END"
    return f"TRY_CAST({plain} AS DOUBLE) * {factor}"

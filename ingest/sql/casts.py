"""Casts texts to typed values without loss: SQL that gives NULL for a text that is not exactly a value of the type.

DuckDB's own casts round `3.5` to 4, take `0x1F` for a number and drop the offset of a timestamp, so this module defines
which texts a type accepts. The empty field and NULL_WORDS mean "missing" where a column is not text; a column of texts
keeps them, because a serving request sends them as texts too.
"""

from ingest.source import Column, Dialect
from ingest.sql.connection import identifier, literal

NULL_WORDS = ("na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "?", "-", ".")

_MARK = "\x1f"  # separates the parts of an error that `parsed_error` reads
_INTEGER = r"\s*[+-]?[0-9]+\s*"
_EXPECTED = {
    "BIGINT": "a whole number of 64 bits",
    "DOUBLE": "a finite number",
    "BOOLEAN": "true or false",
    "DATE": "a date",
    "TIMESTAMP": "a date with a time",
    "TIMESTAMP_NS": "a date with a time",
}


def value(text: str, column_type: str, dialect: Dialect, date_format: str | None = None) -> str:
    """Returns SQL for a text as a value of the type; NULL when it is not one.

    Args:
        text: SQL for a VARCHAR.
        column_type: BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP, TIMESTAMP_NS or VARCHAR.
        dialect: its decimal separator is used.
        date_format: the strptime format of a TIMESTAMP that is not ISO 8601.
    """
    digit = f"ltrim({text}) >= '0' AND ltrim({text}) < ':'"
    match column_type:
        case "VARCHAR":
            return text
        case "BIGINT":
            return f"CASE WHEN regexp_full_match({text}, '{_INTEGER}') THEN TRY_CAST({text} AS BIGINT) END"
        case "DOUBLE":
            number = text if dialect.decimal == "." else f"replace({text}, {literal(dialect.decimal)}, '.')"
            cast = f"TRY_CAST({number} AS DOUBLE)"
            return f"CASE WHEN isfinite({cast}) AND NOT contains({text}, '_') THEN {cast} END"
        case "BOOLEAN":
            return f"CASE lower(trim({text})) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "DATE":
            return f"CASE WHEN {digit} AND length(trim({text})) <= 10 THEN TRY_CAST({text} AS DATE) END"
        case "TIMESTAMP" if date_format is not None:
            return f"TRY_STRPTIME({text}, {literal(date_format)})"
        case "TIMESTAMP":
            cast = f"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
            return f"CASE WHEN {digit} AND NOT regexp_matches({text}, '\\.[0-9]{{7}}') THEN {cast} END"
        case "TIMESTAMP_NS":
            same = f"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' = TRY_CAST({text} AS TIMESTAMP)"
            return f"CASE WHEN {digit} AND {same} THEN TRY_CAST({text} AS TIMESTAMP_NS) END"
    raise ValueError(f"no strict cast to {column_type}")


def missing(text: str) -> str:
    """Returns SQL that says whether a text of a column that is not text means "missing"."""
    return f"({text} IS NULL OR lower(trim({text})) IN ({', '.join(literal(word) for word in NULL_WORDS)}, ''))"


def cast(column: Column, dialect: Dialect) -> str:
    """Returns SQL for a column's text, or list of texts, as its type; a text that is not one gives NULL."""
    text = identifier(column.name)
    element = column.type.removesuffix("[]")
    if element == column.type:
        return value(text, column.type, dialect, column.format)
    if element == "VARCHAR":
        return text
    return f"list_transform({text}, lambda element: {value('element', element, dialect)})"


def bad(column: Column, dialect: Dialect) -> str:
    """Returns SQL that says whether a column's text is neither missing nor a value of its type."""
    text = identifier(column.name)
    element = column.type.removesuffix("[]")
    if element == "VARCHAR":
        return "false"
    if element == column.type:
        return f"({cast(column, dialect)} IS NULL AND NOT {missing(text)})"
    is_bad = f"{value('element', element, dialect)} IS NULL AND NOT {missing('element')}"
    return f"coalesce(len(list_filter({text}, lambda element: {is_bad})) > 0, false)"


def checked(column: Column, dialect: Dialect) -> str:
    """Returns SQL for a column's value, which raises an error that `parsed_error` reads for a bad text."""
    text = identifier(column.name)
    if column.type.removesuffix("[]") == "VARCHAR":
        return text
    error = error_sql("value", column.name, text)
    if column.type.endswith("[]"):
        return f"CASE WHEN {bad(column, dialect)} THEN {error} ELSE {cast(column, dialect)} END AS {text}"
    return f"COALESCE({cast(column, dialect)}, CASE WHEN NOT {missing(text)} THEN {error} END) AS {text}"


def converted(column: Column, actual: str) -> str:
    """Returns SQL for a column's values of another type as its type; a value that would change is an error."""
    text = identifier(column.name)
    if actual == column.type:
        return text
    converted = f"TRY_CAST({text} AS {column.type})"
    lost = f"{text} IS NOT NULL AND TRY_CAST({converted} AS {actual}) IS DISTINCT FROM {text}"
    return f"CASE WHEN {lost} THEN {error_sql('value', column.name, text)} ELSE {converted} END AS {text}"


def expected(column: Column) -> str:
    """Returns what a value of a column must be, for messages."""
    element = column.type.removesuffix("[]")
    one = (
        f"a date written as {column.format}" if column.format else _EXPECTED.get(element, f"a value of type {element}")
    )
    return one if element == column.type else f"a list, each value of it {one}"


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

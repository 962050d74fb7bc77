"""From texts to typed values without loss: SQL that gives NULL for a text that is not exactly a value of the type.

DuckDB's own casts round `3.5` to the integer 4, take `0x1F` for a number and drop a timestamp's offset, so each type
says what it accepts. Beside the empty field, the words below mean "missing" wherever a column is not text: in a text
they are kept, because a serving request would send them as texts too.
"""

from ingest.source import Column, Dialect
from ingest.sql.connection import literal, name

NULL_WORDS = ("na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "?", "-", ".")

_MARK = "\x1f"  # around the parts of an error that `complaint` understands

_INTEGER = r"\s*[+-]?[0-9]+\s*"


def value(text: str, column_type: str, dialect: Dialect, date_format: str | None = None) -> str:
    """Returns SQL for a text as a value of the type; NULL when it is not one.

    Args:
        text: SQL for a VARCHAR.
        column_type: BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP, TIMESTAMP_NS or VARCHAR.
        dialect: what separates the fraction of a number.
        date_format: how a TIMESTAMP is written where it is not ISO 8601.
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
    text = name(column.name)
    element = column.type.removesuffix("[]")
    if element == column.type:
        return value(text, column.type, dialect, column.format)
    if element == "VARCHAR":
        return text
    return f"list_transform({text}, lambda each: {value('each', element, dialect)})"


def bad(column: Column, dialect: Dialect) -> str:
    """Returns SQL that says whether a column's text is neither missing nor a value of its type."""
    text = name(column.name)
    element = column.type.removesuffix("[]")
    if element == "VARCHAR":
        return "false"
    if element == column.type:
        return f"({cast(column, dialect)} IS NULL AND NOT {missing(text)})"
    strange = f"{value('each', element, dialect)} IS NULL AND NOT {missing('each')}"
    return f"coalesce(len(list_filter({text}, lambda each: {strange})) > 0, false)"


def checked(column: Column, dialect: Dialect) -> str:
    """Returns SQL for a column's value, which raises an error that `complaint` understands for a bad text."""
    text = name(column.name)
    if column.type.removesuffix("[]") == "VARCHAR":
        return text
    complaint = complain("value", column.name, text)
    if column.type.endswith("[]"):
        return f"CASE WHEN {bad(column, dialect)} THEN {complaint} ELSE {cast(column, dialect)} END AS {text}"
    return f"COALESCE({cast(column, dialect)}, CASE WHEN NOT {missing(text)} THEN {complaint} END) AS {text}"


def complain(kind: str, column: str, value: str) -> str:
    """Returns SQL that raises an error which `complaint` understands.

    Args:
        kind: what is wrong.
        column: with which column.
        value: SQL for the value.
    """
    return f"error({literal(_MARK + kind + _MARK + column + _MARK)} || {value}::VARCHAR || {literal(_MARK)})"


def complaint(message: str) -> tuple[str, str, str] | None:
    """Returns the kind, the column and the value of an error of `complain`; None if it is another error."""
    parts = message.split(_MARK)
    return (parts[1], parts[2], _MARK.join(parts[3:-1])) if len(parts) >= 5 else None

"""Infers the types of columns of texts: the first rows decide which types are tried, and all rows decide the type.

A column has a type when 99 of 100 values are of it; the other values are then errors or rejects. Where a text has two
readings, such as the day and the month in 1/2/2024, and no other value of the column decides, it stays a text.
"""

import dataclasses
import functools
import itertools
import re
from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from core.text import NULL_WORDS
from ingest.source import Column, Dialect
from ingest.sql.connection import first_row, identifier
from ingest.sql.texts import COMMA, DATE_OF_DIGITS, POINT, missing, value

TYPES_OF_TEXTS = ("DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP_NS")  # where the format has types for numbers
ALL_TYPES = ("BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP_NS")
_SAMPLE_CELLS = 1_000_000
_SAMPLE_ROWS = 20_000
_COLUMNS_AT_ONCE = 100  # in one detailed query: DuckDB takes long to plan thousands of expressions
_MAX_STRAYS = 0.01
_DATES: tuple[str, ...] = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d")
_DATES += ("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y")
_DATES += ("%d %B %Y", "%B %d, %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
DATE_FORMATS = tuple(date + time for date, time in itertools.product(_DATES, _TIMES))
_DAY = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_WORDS = rf"(?i)^\s*({'|'.join(map(re.escape, NULL_WORDS))})?\s*$"  # pa.array would import pandas
_PATTERNS = {
    "BOOLEAN": r"(?i)^\s*(true|false)\s*$",
    "BIGINT": r"^\s*[+-]?[0-9]+\s*$",
    "DOUBLE": r"^\s*[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?\s*$",
    "DATE": rf"^\s*{_DAY}\s*$",
    "TIMESTAMP": rf"^\s*{_DAY}([ T][0-9].*)?$",
    "written": r"^\s*([0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{1,2}[- ][A-Za-z]{3,9}[- ][0-9]{2,4}"
    r"|[A-Za-z]{3,9} [0-9]{1,2}, [0-9]{4})",
    "written number": r"^\s*[+-]?\(?[$€£¥₹]?\s?[+-]?[0-9][0-9.,'’\x{a0}\x{202f}]*\s?[$€£¥₹]?%?\)?\s*$",
    DATE_OF_DIGITS: r"^\s*(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])\s*$",
}
_FEW_TEXTS = 20  # so many numbers may be names, such as versions, where the format has types for numbers


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """A type that a column may have, or a property of its texts that decides between types."""

    type: str
    format: str | None = None


_WHOLE = _Candidate("whole number")  # of any number of digits
_ZEROS = _Candidate("leading zeros")  # digits that would be lost in a number
_NUMBERS = (_Candidate("BIGINT"), _Candidate("DOUBLE"), _WHOLE, _ZEROS)
_TIME_TYPES = (_Candidate("DATE"), _Candidate("TIMESTAMP"), _Candidate("TIMESTAMP_NS"))
_Counts = tuple[int, Mapping[_Candidate, int]]  # the number of values of a column, and of those that candidates fit


def infer(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    dialect: Dialect,
    types: Sequence[str] = ALL_TYPES,
) -> tuple[Column, ...]:
    """Returns columns of texts with their types.

    Args:
        connection: where the table is.
        table: its name.
        names: the columns to infer, all VARCHAR.
        dialect: of numbers and dates.
        types: the types to choose from, besides VARCHAR.
    """
    if not names:
        return ()
    rows = max(1_000, min(_SAMPLE_ROWS, _SAMPLE_CELLS // len(names)))
    sample = connection.sql(f"SELECT {', '.join(map(identifier, names))} FROM {table} LIMIT {rows}").to_arrow_table()
    guesses = {name: _guess(sample.column(name), types, dialect) for name in names}
    unfit = _unfit(connection, table, {name: guess[0] for name, guess in guesses.items() if guess}, dialect)
    decided = {name: (guess[0] if guess and name not in unfit else None) for name, guess in guesses.items()}
    for start in range(0, len(unfit), _COLUMNS_AT_ONCE):
        group = unfit[start : start + _COLUMNS_AT_ONCE]
        counts = _counts(connection, table, {name: guesses[name] for name in group}, dialect)
        decided |= {name: _decide(*counts[name]) for name in group}
    marked = [name for name in unfit if decided[name] is None and _NUMBERS[1] in guesses[name]]
    if marked:
        counts = _counts(connection, table, dict.fromkeys(marked, _written_numbers(dialect)), dialect)
        decided |= {name: _decide(*counts[name]) for name in marked}
    return tuple(
        Column(name, found.type, found.format) if found else Column(name, "VARCHAR") for name, found in decided.items()
    )


def _guess(texts: pa.ChunkedArray, types: Sequence[str], dialect: Dialect) -> list[_Candidate]:
    """Returns the types that a column may have, the most likely first; none for a text."""
    values = texts.drop_null()
    values = values.filter(pc.invert(pc.match_substring_regex(values, _WORDS)))
    half = len(values) / 2
    if not len(values):
        return [_Candidate(name) for name in types] + [_WHOLE, _ZEROS]

    @functools.cache
    def fits(name: str) -> int:
        return pc.sum(pc.match_substring_regex(values, _PATTERNS[name])).as_py()

    if "BOOLEAN" in types and fits("BOOLEAN") >= half:
        return [_Candidate("BOOLEAN")]
    few = "BIGINT" not in types and pc.count_distinct(values).as_py() <= _FEW_TEXTS
    if "DOUBLE" in types and fits("DOUBLE") >= half:
        if few or ("BIGINT" not in types and fits("BIGINT") == fits("DOUBLE")):
            return []
        if "BIGINT" in types and "TIMESTAMP" in types and fits(DATE_OF_DIGITS) == len(values):
            return [_Candidate("TIMESTAMP", DATE_OF_DIGITS), *_NUMBERS]
        first = "BIGINT" if fits("BIGINT") == fits("DOUBLE") and "BIGINT" in types else "DOUBLE"
        numbers = [candidate for candidate in _NUMBERS if candidate.type != "BIGINT" or "BIGINT" in types]
        return sorted(numbers, key=lambda candidate: candidate.type != first)
    if "DOUBLE" in types and fits("written number") >= half > fits("written") and not few:
        return [_Candidate("written"), *_written_numbers(dialect)]
    if "TIMESTAMP" not in types or (dialect.date_format is None and fits("written") + fits("TIMESTAMP") < half):
        return []
    if dialect.date_format is not None:
        return [_Candidate("TIMESTAMP", dialect.date_format), *_TIME_TYPES]
    if fits("TIMESTAMP") >= half:
        first = "DATE" if fits("DATE") == fits("TIMESTAMP") else "TIMESTAMP"
        return sorted(_TIME_TYPES, key=lambda candidate: candidate.type != first)
    return [_Candidate("written"), *(_Candidate("TIMESTAMP", format) for format in DATE_FORMATS)]


def _written_numbers(dialect: Dialect) -> list[_Candidate]:
    """Returns the ways to write numbers with marks; where both fit, the first one has the separator of the dialect."""
    forms = (POINT, COMMA) if dialect.decimal == "." else (COMMA, POINT)
    return [*(_Candidate("DOUBLE", form) for form in forms), _WHOLE, _ZEROS]


def _unfit(
    connection: duckdb.DuckDBPyConnection, table: str, guesses: Mapping[str, _Candidate], dialect: Dialect
) -> list[str]:
    """Returns the columns that hold a value that is not of the guessed type, or no value."""
    tried = {name: guess for name, guess in guesses.items() if guess.type != "written"}
    unfit = [name for name in guesses if name not in tried]
    if not tried:
        return unfit
    texts = {identifier(name): guess for name, guess in tried.items()}
    parts = [f"count({text}), {_fits(text, guess, dialect, strict=True)}" for text, guess in texts.items()]
    row = first_row(connection, f"SELECT {', '.join(parts)} FROM {table}")
    return unfit + [
        name for name, total, fit in zip(tried, row[::2], row[1::2], strict=True) if fit != total or total == 0
    ]


def _counts(
    connection: duckdb.DuckDBPyConnection, table: str, candidates: Mapping[str, Sequence[_Candidate]], dialect: Dialect
) -> dict[str, _Counts]:
    """Returns for each column the number of its values, and the number that each candidate fits."""
    tried = {name: [guess for guess in guesses if guess.type != "written"] for name, guesses in candidates.items()}
    parts = []
    for name, guesses in tried.items():
        parts.append(f"count_if(NOT {missing(identifier(name))})")
        parts += [_fits(identifier(name), guess, dialect) for guess in guesses]
    counts = iter(first_row(connection, f"SELECT {', '.join(parts)} FROM {table}"))
    return {name: (next(counts), {guess: next(counts) for guess in guesses}) for name, guesses in tried.items()}


def _fits(text: str, candidate: _Candidate, dialect: Dialect, strict: bool = False) -> str:
    """Returns SQL that counts the values that a candidate fits; `strict` excludes leading zeros."""
    zeros = f"({text} >= '00' AND {text} < '0:')"
    if candidate == _WHOLE:
        return f"count_if(regexp_full_match({text}, '\\s*[+-]?[0-9]+\\s*'))"
    if candidate == _ZEROS:
        return f"count_if({zeros})"
    cast = value(text, candidate.type, dialect, candidate.format)
    if strict and candidate in _NUMBERS:
        return f"count(CASE WHEN NOT {zeros} THEN {cast} END)"
    return f"count({cast})"


def _decide(total: int, found: Mapping[_Candidate, int]) -> _Candidate | None:
    """Returns the type of a column, by how many of its values fit each candidate; None for a text."""
    enough = {candidate: count for candidate, count in found.items() if total and count >= (1 - _MAX_STRAYS) * total}
    if _Candidate("TIMESTAMP", DATE_OF_DIGITS) in enough:
        return _Candidate("TIMESTAMP", DATE_OF_DIGITS)
    if found.get(_ZEROS, 0):
        return None
    if _Candidate("BOOLEAN") in enough:
        return _Candidate("BOOLEAN")
    if _Candidate("DOUBLE") in enough:
        return _number(found)
    for candidate in _TIME_TYPES:
        if candidate in enough and enough[candidate] == max(enough.get(other, 0) for other in _TIME_TYPES):
            return candidate
    written = [candidate for candidate in enough if candidate.format is not None]
    if written and written[0].type == "DOUBLE":  # 12,345 has marks of thousands unless another value shows that not
        return None if found[_WHOLE] == total else max(written, key=lambda candidate: enough[candidate])
    return written[0] if len(written) == 1 else None  # day and month must not be guessed


def _number(found: Mapping[_Candidate, int]) -> _Candidate | None:
    """Returns BIGINT, DOUBLE, or None where digits would be lost: whole numbers beyond 64 bits."""
    integers, doubles, whole = (found.get(candidate, 0) for candidate in (_NUMBERS[0], _NUMBERS[1], _WHOLE))
    if whole > integers and whole == doubles:
        return None
    return _NUMBERS[0] if integers == doubles else _NUMBERS[1]

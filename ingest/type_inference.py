"""The types of the columns of a table of texts: guessed from its first rows, then held against all of them.

A column is a number or a time when 99 of 100 values are; the others are then strays, which are errors or rejects. A
sample only says what is worth counting: a column that is text in half of its first rows is text.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import Column, Dialect
from ingest.sql.casts import NULL_WORDS, missing, value
from ingest.sql.connection import first_row, literal, name

ALL_TYPES = ("BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP_NS")
_SAMPLE_CELLS = 1_000_000
_SAMPLE_ROWS = 20_000
_AT_ONCE = 100  # columns in one detailed query: DuckDB takes long to plan thousands of expressions
_STRAYS = 0.01
_DATES = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = tuple(date + time for date, time in itertools.product(_DATES, _TIMES))
_DAY = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_WORDS = rf"(?i)^\s*({'|'.join(map(re.escape, NULL_WORDS))})?\s*$"  # pa.array would import pandas
_PATTERNS = {
    "BOOLEAN": r"(?i)^\s*(true|false)\s*$",
    "BIGINT": r"^\s*[+-]?[0-9]+\s*$",
    "DOUBLE": r"^\s*[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?\s*$",
    "DATE": rf"^\s*{_DAY}\s*$",
    "TIMESTAMP": rf"^\s*{_DAY}([ T][0-9].*)?$",
    "written": r"^\s*[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{2,4}",
}


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """A type that a column may have."""

    type: str
    format: str | None = None


_WHOLE = _Candidate("whole number")  # digits, however many
_ZEROS = _Candidate("leading zeros")  # digits that are more than a number
_NUMBERS = (_Candidate("BIGINT"), _Candidate("DOUBLE"), _WHOLE, _ZEROS)
_MOMENTS = (_Candidate("DATE"), _Candidate("TIMESTAMP"), _Candidate("TIMESTAMP_NS"))
_Counts = tuple[int, Mapping[_Candidate, int]]  # the values of a column, and how many of them each candidate fits


@dataclasses.dataclass(frozen=True)
class Inferred:
    """What was found.

    Attributes:
        columns: the columns with their types.
        null_words: the words that stand for "missing" in columns of numbers.
    """

    columns: tuple[Column, ...]
    null_words: tuple[str, ...] = ()


def infer(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    dialect: Dialect,
    types: Sequence[str] = ALL_TYPES,
) -> Inferred:
    """Returns the types of columns of texts.

    Args:
        connection: where the table is.
        table: its name.
        names: the columns to look at, all VARCHAR.
        dialect: how numbers and dates are written.
        types: the types to think of, beside VARCHAR.
    """
    if not names:
        return Inferred(())
    rows = max(1_000, min(_SAMPLE_ROWS, _SAMPLE_CELLS // len(names)))
    sample = connection.sql(f"SELECT {', '.join(map(name, names))} FROM {table} LIMIT {rows}").to_arrow_table()
    guesses = {each: _guess(sample.column(each), types, dialect) for each in names}
    unfit = _unfit(connection, table, {each: kinds[0] for each, kinds in guesses.items() if kinds}, dialect)
    decided = {each: (kinds[0] if kinds and each not in unfit else None) for each, kinds in guesses.items()}
    for group in _groups(unfit):
        counts = _counts(connection, table, {each: guesses[each] for each in group}, dialect)
        decided |= {each: _decide(*counts[each]) for each in group}
    columns = tuple(
        Column(each, found.type, found.format) if found else Column(each, "VARCHAR") for each, found in decided.items()
    )
    numbers = [column.name for column in columns if column.type in ("BIGINT", "DOUBLE") and column.name in unfit]
    return Inferred(columns, _null_words(connection, table, numbers))


def _groups(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE))


def _guess(texts: pa.ChunkedArray, types: Sequence[str], dialect: Dialect) -> list[_Candidate]:
    """Returns the types that a column may have, the likeliest first; none for a text."""
    values = texts.drop_null()
    values = values.filter(pc.invert(pc.match_substring_regex(values, _WORDS)))
    half = len(values) / 2
    if not len(values):
        return [_Candidate(kind) for kind in types] + [_WHOLE, _ZEROS]
    fits = {kind: pc.sum(pc.match_substring_regex(values, pattern)).as_py() for kind, pattern in _PATTERNS.items()}
    if "BOOLEAN" in types and fits["BOOLEAN"] >= half:
        return [_Candidate("BOOLEAN")]
    if "DOUBLE" in types and fits["DOUBLE"] >= half:
        first = "BIGINT" if fits["BIGINT"] == fits["DOUBLE"] else "DOUBLE"
        return sorted(_NUMBERS, key=lambda kind: kind.type != first)
    if "TIMESTAMP" not in types or (dialect.date_format is None and fits["written"] + fits["TIMESTAMP"] < half):
        return []
    if dialect.date_format is not None:
        return [_Candidate("TIMESTAMP", dialect.date_format), *_MOMENTS]
    if fits["TIMESTAMP"] >= half:
        first = "DATE" if fits["DATE"] == fits["TIMESTAMP"] else "TIMESTAMP"
        return sorted(_MOMENTS, key=lambda kind: kind.type != first)
    return [_Candidate("written"), *(_Candidate("TIMESTAMP", each) for each in _FORMATS)]


def _unfit(
    connection: duckdb.DuckDBPyConnection, table: str, guesses: Mapping[str, _Candidate], dialect: Dialect
) -> list[str]:
    """Returns the columns that hold anything which is not of the type that was guessed, or nothing at all."""
    asked = {each: kind for each, kind in guesses.items() if kind.type != "written"}
    unfit = [each for each in guesses if each not in asked]
    if not asked:
        return unfit
    parts = [f"count({name(each)}), {_fits(name(each), kind, dialect, strict=True)}" for each, kind in asked.items()]
    row = first_row(connection, f"SELECT {', '.join(parts)} FROM {table}")
    return unfit + [
        each for each, total, fit in zip(asked, row[::2], row[1::2], strict=True) if fit != total or total == 0
    ]


def _counts(
    connection: duckdb.DuckDBPyConnection, table: str, candidates: Mapping[str, Sequence[_Candidate]], dialect: Dialect
) -> dict[str, _Counts]:
    """Returns for each column how many values it has, and how many of them each candidate fits."""
    asked = {each: [kind for kind in kinds if kind.type != "written"] for each, kinds in candidates.items()}
    parts = []
    for each, kinds in asked.items():
        parts.append(f"count_if(NOT {missing(name(each))})")
        parts += [_fits(name(each), kind, dialect) for kind in kinds]
    row = first_row(connection, f"SELECT {', '.join(parts)} FROM {table}")
    numbers = iter(row)
    return {each: (next(numbers), {kind: next(numbers) for kind in kinds}) for each, kinds in asked.items()}


def _fits(text: str, candidate: _Candidate, dialect: Dialect, strict: bool = False) -> str:
    """Returns SQL that counts the values that a candidate fits; `strict` leaves leading zeros out."""
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
    """Returns the type of a column with so many values that fit the candidates; None for a text."""
    enough = {kind: count for kind, count in found.items() if total and count >= (1 - _STRAYS) * total}
    if found.get(_ZEROS, 0):
        return None
    if _Candidate("BOOLEAN") in enough:
        return _Candidate("BOOLEAN")
    if _Candidate("DOUBLE") in enough:
        return _number(found)
    for kind in _MOMENTS:
        if kind in enough and enough[kind] == max(enough.get(each, 0) for each in _MOMENTS):
            return kind
    written = [kind for kind in enough if kind.format is not None]
    return written[0] if len(written) == 1 else None  # day and month must not be guessed


def _number(found: Mapping[_Candidate, int]) -> _Candidate | None:
    """Returns BIGINT, DOUBLE, or None where digits would be lost: whole numbers beyond 64 bits."""
    integers, doubles, whole = (found.get(kind, 0) for kind in (_NUMBERS[0], _NUMBERS[1], _WHOLE))
    if whole > integers and whole == doubles:
        return None
    return _NUMBERS[0] if integers == doubles else _NUMBERS[1]


def _null_words(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Returns the words for "missing" that these columns hold."""
    if not columns:
        return ()
    words = ", ".join(literal(word) for word in NULL_WORDS)
    found = ", ".join(f"max(CASE WHEN lower({text}) IN ({words}) THEN {text} END)" for text in map(name, columns))
    row = first_row(connection, f"SELECT {found} FROM {table}")
    return tuple(sorted({word for word in row if word is not None}))

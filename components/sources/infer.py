"""The types of the columns of a table of texts, decided on all of its rows: a sample only saves work.

A column is a number or a time when 99 of 100 values are; the others are then strays, which are errors or rejects.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import duckdb

from components.sources.casts import missing, value
from components.sources.duck import name
from components.sources.source import Column, Dialect

_SAMPLE = 20_000
_FORMAT_SAMPLE = 1_000
_COLUMNS_AT_ONCE = 400
_STRAYS = 0.01
_TYPES = ("BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP_NS")
_DATES = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FORMATS = tuple(date + time for date, time in itertools.product(_DATES, _TIMES))


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """A type that a column may have; `whole` and `zeros` are the checks that make digits a text."""

    type: str
    format: str | None = None


_WHOLE = _Candidate("whole number")
_ZEROS = _Candidate("leading zeros")


def infer(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    dialect: Dialect,
    types: Sequence[str] = _TYPES,
) -> tuple[Column, ...]:
    """Returns the columns of a table of texts with their types.

    Args:
        connection: where the table is.
        table: its name; all the columns named must be VARCHAR.
        names: the columns to look at.
        dialect: how numbers and dates are written.
        types: the types to think of, beside VARCHAR.
    """
    groups = [names[start : start + _COLUMNS_AT_ONCE] for start in range(0, len(names), _COLUMNS_AT_ONCE)]
    return tuple(column for group in groups for column in _infer(connection, table, group, dialect, types))


def _infer(
    connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], dialect: Dialect, types: Sequence[str]
) -> tuple[Column, ...]:
    sample = f"(FROM {table} LIMIT {_SAMPLE})"
    every = {each: [_Candidate(kind) for kind in types] for each in names}
    likely = _likely(_counts(connection, sample, every, dialect))
    formats = (dialect.date_format,) if dialect.date_format else FORMATS
    undecided = {
        each: [_Candidate("TIMESTAMP", each_format) for each_format in formats]
        for each in names
        if not likely[each] and "TIMESTAMP" in types
    }
    small = f"(FROM {table} LIMIT {_FORMAT_SAMPLE})"
    likely |= _likely(_counts(connection, small, undecided, dialect))
    counts = _counts(connection, table, likely, dialect)
    return tuple(Column(each, *_decide(*counts[each])) for each in names)


_Counts = Mapping[str, tuple[int, dict[_Candidate, int]]]


def _likely(counts: _Counts) -> dict[str, list[_Candidate]]:
    """Returns the candidates worth a look at all rows: those that fit half of the sample, or an empty sample."""
    result: dict[str, list[_Candidate]] = {}
    for each, (total, found) in counts.items():
        kept = [candidate for candidate, count in found.items() if 2 * count >= total]
        numbers = [_WHOLE, _ZEROS] if any(candidate.type in ("BIGINT", "DOUBLE") for candidate in kept) else []
        result[each] = [candidate for candidate in kept if candidate not in (_WHOLE, _ZEROS)] + numbers
    return result


def _counts(
    connection: duckdb.DuckDBPyConnection, table: str, candidates: Mapping[str, list[_Candidate]], dialect: Dialect
) -> _Counts:
    """Returns for each column how many values it has, and how many of them each candidate fits."""
    asked = {each: kinds for each, kinds in candidates.items() if kinds}
    if not asked:
        return {each: (0, {}) for each in candidates}
    parts = []
    for each, kinds in asked.items():
        text = name(each)
        parts.append(f"count_if(NOT {missing(text)})")
        parts += [_fits(text, kind, dialect) for kind in kinds]
    row = connection.execute(f"SELECT {', '.join(parts)} FROM {table}").fetchone()
    assert row is not None
    numbers = iter(row)
    found = {each: (next(numbers), {kind: next(numbers) for kind in kinds}) for each, kinds in asked.items()}
    return {each: found.get(each, (0, {})) for each in candidates}


def _fits(text: str, candidate: _Candidate, dialect: Dialect) -> str:
    """Returns SQL that counts the values that a candidate fits."""
    if candidate == _WHOLE:
        return f"count_if(regexp_full_match({text}, '\\s*[+-]?[0-9]+\\s*'))"
    if candidate == _ZEROS:
        return f"count_if({text} >= '00' AND {text} < '0:')"
    return f"count({value(text, candidate.type, dialect, candidate.format)})"


def _decide(total: int, found: Mapping[_Candidate, int]) -> tuple[str, str | None]:
    """Returns the type and the format of a column with so many values that fit the candidates."""
    enough = {kind: count for kind, count in found.items() if total and count >= (1 - _STRAYS) * total}
    if found.get(_ZEROS, 0):
        return "VARCHAR", None
    simple = {kind.type: count for kind, count in enough.items() if kind.format is None}
    if "BOOLEAN" in simple:
        return "BOOLEAN", None
    if "DOUBLE" in simple:
        return _number(simple["DOUBLE"], simple.get("BIGINT", 0), found.get(_WHOLE, 0))
    for kind in ("DATE", "TIMESTAMP", "TIMESTAMP_NS"):
        if kind in simple and simple[kind] == max(simple.values()):
            return kind, None
    written = [kind.format for kind in enough if kind.format is not None]
    return ("TIMESTAMP", written[0]) if len(written) == 1 else ("VARCHAR", None)


def _number(doubles: int, integers: int, whole: int) -> tuple[str, str | None]:
    """Returns BIGINT, DOUBLE, or VARCHAR where digits would be lost: whole numbers beyond 64 bits."""
    if whole > integers and whole == doubles:
        return "VARCHAR", None
    return ("BIGINT" if integers == doubles else "DOUBLE"), None

"""Assigns rows to splits: SQL that gives the same result on every machine, in every file and format.

The hash is the first eight hexadecimal digits of the MD5 digest of the texts of the row's columns, in the order of
their names: Beam, Python and DuckDB compute it alike.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence

from core.config.sections import Split
from core.errors import UserError
from ingest.sql import casts, moments
from ingest.sql.connection import identifier, literal

NAMES = ("train", "eval", "test")
COLUMN = "\x1fsplit"  # holds the split's name in a result; no file has a column of this name
_BUCKETS = 1_000_000
_SEPARATOR, _MISSING = "chr(31)", "chr(30)"
ALIASES = {
    "train": ("train", "training"),
    "eval": ("eval", "evaluation", "val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


def shares(split: Split) -> list[float]:
    """Returns the share of the rows that lies before each split but the first, in the order of NAMES."""
    fractions = dict(split.fractions)
    return list(itertools.accumulate(fractions[name] for name in NAMES))[:-1]


def description(split: Split) -> str:
    """Returns how rows are split, for messages."""
    return f"{split.by} of the row" if split.column is None else f"{split.by} ({split.column})"


def expression(split: Split, columns: Mapping[str, str], boundaries: Sequence[float] = ()) -> str:
    """Returns SQL for the name of a row's split.

    Args:
        split: how rows are assigned.
        columns: the type of each column of the table.
        boundaries: for `time`: where each split but the first begins, as `time_key` counts.

    Raises:
        UserError: the table has no such column.
    """
    if split.column is not None:
        check_column(split.column, columns)
    if split.by == "column":
        value = f"coalesce({identifier(str(split.column))}::VARCHAR, 'NULL')"
        return f"coalesce({named(str(split.column))}, {casts.error_sql('split', str(split.column), value)})"
    if split.by == "time":
        return _by_limits(f"coalesce({time_key(str(split.column), columns)}, '-inf'::DOUBLE)", boundaries)
    hashed = [split.column] if split.column is not None else sorted(columns)
    texts = ", ".join(f"coalesce({identifier(name)}::VARCHAR, {_MISSING})" for name in hashed)
    seed = f"{literal(str(split.seed))}, " if split.seed else ""
    number = f"('0x' || md5(concat_ws({_SEPARATOR}, {seed}{texts}))[:8])::UBIGINT % {_BUCKETS}"
    return _by_limits(f"({number})", [round(share * _BUCKETS) for share in shares(split)])


def check_column(column: str, columns: Iterable[str]) -> None:
    """Raises UserError unless the column is one of the table's."""
    if column not in columns:
        raise UserError(
            f"The split is by {column!r}, and there is no such column. The columns are: {', '.join(columns)}. "
            "Name one of them as `split: {column: ...}`."
        )


def _by_limits(value: str, limits: Sequence[float]) -> str:
    """Returns SQL for the first split whose limit is above the value, or the last split."""
    cases = [f"WHEN {value} < {limit!r} THEN {literal(name)}" for name, limit in zip(NAMES, limits, strict=False)]
    return f"CASE {' '.join(cases)} ELSE {literal(NAMES[-1])} END"


def named(column: str) -> str:
    """Returns SQL for the split that a column names; null where it names none."""
    text = f"lower(trim({identifier(column)}::VARCHAR))"
    names = {split: ", ".join(map(literal, aliases)) for split, aliases in ALIASES.items()}
    cases = [f"WHEN {text} IN ({aliases}) THEN {literal(split)}" for split, aliases in names.items()]
    return f"CASE {' '.join(cases)} END"


def time_key(column: str, columns: Mapping[str, str]) -> str:
    """Returns SQL for a column to order rows by, as DOUBLE: a number, or a time in microseconds since 1970 UTC.

    Raises:
        UserError: there is no such column, or it is neither a number nor a time.
    """
    check_column(column, columns)
    column_type, key = columns[column], identifier(column)
    if column_type in moments.TIMES:
        return f"{moments.whole_number(key, column_type, 'us')}::DOUBLE"
    if column_type.endswith(("INT", "INTEGER", "FLOAT", "DOUBLE")) or column_type.startswith("DECIMAL"):
        return f"{key}::DOUBLE"
    raise UserError(
        f"The split is by time, and column {column!r} is {column_type}. A date, a timestamp or a number that "
        "grows with time was expected: name another as `split: {column: ...}`, or make one by `data: {query: ...}`."
    )

"""Which split a row belongs to, as SQL that gives the same answer on every machine, in every file and format.

Hashes are of md5, which Beam, Python and DuckDB compute alike: the first eight hexadecimal digits of the digest of the
texts of the row's columns, in the order of their names.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from core.errors import UserError
from ingest.sql import casts
from ingest.sql.connection import literal, name

NAMES = ("train", "eval", "test")
COLUMN = "\x1fsplit"  # of the result; no file has such a name
_BUCKETS = 1_000_000
_SEPARATOR, _MISSING = "chr(31)", "chr(30)"
ALIASES = {
    "train": ("train", "training"),
    "eval": ("eval", "evaluation", "val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


@dataclasses.dataclass(frozen=True)
class SplitRule:
    """How rows get to the splits.

    Attributes:
        by: `hash` of the row, or of `column` if there is one; `time`: the latest rows by `column` are test; `group`:
            rows with the same value of `column` stay together; `column`: it holds train, eval or test.
        column: the column that `by` speaks of.
        fractions: the share of each split; not used when `by` is `column`.
        seed: another number gives other splits by hash and group.
    """

    by: Literal["hash", "time", "group", "column"] = "hash"
    column: str | None = None
    fractions: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"train": 0.8, "eval": 0.1, "test": 0.1})
    seed: int = 0

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "SplitRule":
        """Returns the rule that a configuration's `split:` asks for."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in options.items() if key in known and value is not None})

    @property
    def names(self) -> tuple[str, ...]:
        """The splits that get rows."""
        return tuple(each for each in NAMES if self.by == "column" or self.fractions.get(each, 0) > 0)

    @property
    def shares(self) -> list[float]:
        """The share of the rows that is in the splits before each split but the first."""
        fractions = [self.fractions[each] for each in self.names]
        return list(itertools.accumulate(fractions))[:-1]

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"{self.by} of the row" if self.column is None else f"{self.by} ({self.column})"


def expression(rule: SplitRule, columns: Mapping[str, str], boundaries: Sequence[float] = ()) -> str:
    """Returns SQL for the name of a row's split.

    Args:
        rule: how rows get to the splits.
        columns: the type of each column of the table.
        boundaries: for `time`: where each split but the first begins, as `time_key` counts.

    Raises:
        UserError: the table has no such column.
    """
    if rule.column is not None:
        check_column(rule.column, columns)
    if rule.by == "column":
        return _given(str(rule.column))
    if rule.by == "time":
        key = f"coalesce({time_key(str(rule.column), columns)}, '-inf'::DOUBLE)"
        return _ladder(key, boundaries, rule.names)
    hashed = [rule.column] if rule.column is not None else sorted(columns)
    texts = ", ".join(f"coalesce({name(each)}::VARCHAR, {_MISSING})" for each in hashed)
    seed = f"{literal(str(rule.seed))}, " if rule.seed else ""
    number = f"('0x' || md5(concat_ws({_SEPARATOR}, {seed}{texts}))[:8])::UBIGINT % {_BUCKETS}"
    limits = [round(share * _BUCKETS) for share in rule.shares]
    return _ladder(f"({number})", limits, rule.names)


def check_column(column: str, columns: Iterable[str]) -> None:
    """Raises UserError unless the column is one of the table's."""
    if column not in columns:
        raise UserError(
            f"The split is by {column!r}, and there is no such column. The columns are: {', '.join(columns)}. "
            "Name one of them as `split: {column: ...}`."
        )


def _ladder(value: str, limits: Sequence[float], names: Sequence[str]) -> str:
    """Returns SQL for the first name whose limit is above the value, or the last name."""
    steps = [f"WHEN {value} < {limit!r} THEN {literal(each)}" for each, limit in zip(names, limits, strict=False)]
    return f"CASE {' '.join(steps)} ELSE {literal(names[-1])} END" if steps else literal(names[-1])


def _given(column: str) -> str:
    text = name(column)
    cases = " ".join(
        f"WHEN lower(trim({text}::VARCHAR)) IN ({', '.join(map(literal, aliases))}) THEN {literal(each)}"
        for each, aliases in ALIASES.items()
    )
    value = f"coalesce({text}::VARCHAR, 'NULL')"
    return f"CASE {cases} ELSE {casts.complain('split', column, value)} END"


def time_key(column: str, columns: Mapping[str, str]) -> str:
    """Returns SQL for a time, or a number that grows with it, as DOUBLE: microseconds since 1970 where it is a time.

    Raises:
        UserError: the column is neither.
    """
    kind = columns[column]
    if kind in ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"):
        return f"epoch_us({name(column)}::TIMESTAMP)::DOUBLE"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"epoch_us({name(column)})::DOUBLE"
    if kind in ("FLOAT", "DOUBLE") or kind.endswith(("INT", "INTEGER")) or kind.startswith("DECIMAL"):
        return f"{name(column)}::DOUBLE"
    raise UserError(
        f"The split is by time, and column {column!r} is {kind}. A date, a timestamp or a number that grows with time "
        "was expected: name another as `split: {column: ...}`, or make one by `data: {query: ...}`."
    )

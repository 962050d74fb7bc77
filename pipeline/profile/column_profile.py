"""Holds the statistics of one column from which its role is inferred."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from core.spec import Payload
from pipeline.profile.queries.sentinels import Number
from pipeline.profile.queries.spellings import Spellings

TypeClass = Literal["integer", "float", "boolean", "timestamp", "time", "text", "list", "nested", "binary"]

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_CLASSES: dict[str, TypeClass] = {
    **dict.fromkeys([*_INTEGERS, *(f"U{integer}" for integer in _INTEGERS)], "integer"),
    **dict.fromkeys(["FLOAT", "DOUBLE", "DECIMAL"], "float"),
    **dict.fromkeys(["VARCHAR", "UUID", "ENUM"], "text"),
    "BOOLEAN": "boolean",
    "DATE": "timestamp",
    "TIME": "time",
    "BLOB": "binary",
}


@dataclasses.dataclass(frozen=True)
class ColumnProfile:
    """The statistics of one column over all rows that have a label.

    Attributes:
        name: the column's name.
        type: its DuckDB type.
        rows: the number of rows of the table.
        present: the number of rows with a value: neither null nor NaN nor an empty text or list.
        null_in_train: whether all of these rows are outside train; False where it was not looked at.
        distinct: the number of different values: exact where it is small or where `unique` depends on it.
        unique: whether every present value occurs once.
        low: the least value, of ordered types.
        high: the greatest value, of ordered types.
        sentinels: numbers only: how many rows have an extreme that may stand for a missing value.
        too_large: floats only: a value that float32 does not hold, such as infinity; None without one.
        whole: floats only: whether all values are whole numbers.
        length: texts only: the mean number of characters.
        words: texts only: the mean number of words.
        dates: texts only: whether every value is a date or a timestamp in ISO 8601.
        missing_word: texts only: a value that often stands for a missing value, such as `NA`.
        spellings: texts only: the values that differ by their spelling only; None without any.
        misfit: a value that cannot be read as the type that the configuration gives to the column; None without one.
    """

    name: str
    type: str
    rows: int
    present: int
    null_in_train: bool = False
    distinct: int = 0
    unique: bool = False
    low: Any = None
    high: Any = None
    sentinels: Mapping[Number, int] = dataclasses.field(default_factory=dict)
    too_large: float | None = None
    whole: bool = False
    length: float = 0.0
    words: float = 0.0
    dates: bool = False
    missing_word: str | None = None
    spellings: Spellings | None = None
    misfit: Any = None

    @property
    def type_class(self) -> TypeClass:
        """The class of the column's type."""
        return type_class(self.type)


def type_class(duckdb_type: str) -> TypeClass:
    """Returns the class of a DuckDB type."""
    if duckdb_type.endswith("]"):
        inner = type_class(duckdb_type[: duckdb_type.rindex("[")])
        return "nested" if inner in ("list", "nested", "binary") else "list"
    base = duckdb_type.partition("(")[0].upper()
    return "timestamp" if base.startswith("TIMESTAMP") else _CLASSES.get(base, "nested")


def natural_payload(column: ColumnProfile) -> Payload:
    """Returns how Examples hold the values of a column where the configuration does not say it."""
    inner = column.type_class
    if inner == "list":
        inner = type_class(column.type[: column.type.rindex("[")])
    if inner == "integer":
        fits = column.low is None or (column.low >= -(2**63) and column.high < 2**63)
        return "int" if fits else "text"
    payloads: dict[str, Payload] = {"float": "float", "boolean": "int", "timestamp": "int"}
    return payloads.get(inner, "text")


def short(value: Any) -> str:
    """Returns a value as text of at most 40 characters."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."

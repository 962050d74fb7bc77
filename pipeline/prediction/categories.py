"""Replaces texts by the categories of training that are the same value, such as `1.0` by `1`, `1` by `01`.

Files hold a column of codes as numbers where all its codes are digits, and dates with or without a time.
"""

import decimal
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([ T]00:00(:00(\.0+)?)?(Z|[+-]00(:?00)?)?)?")


class Categories:
    """The categories of a feature in training."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Takes the categories as texts."""
        self._known = pa.array([value.encode() for value in vocabulary], pa.large_binary())
        self._of_plain: dict[str, str | None] = {}
        for value in vocabulary:
            plain = plain_form(value)
            if plain is not None:  # two categories with the same plain form stay apart
                self._of_plain[plain] = None if plain in self._of_plain else value

    def replace(self, column: pa.LargeListArray) -> pa.LargeListArray:
        """Returns a column, large_list of bytes, in which texts of unknown form have the form of training."""
        values = column.flatten()
        unknown = values.filter(pc.invert(pc.is_in(values, value_set=self._known))) if self._of_plain else ()
        if not len(unknown):
            return column
        found = {text: self._category(text) for text in pc.unique(unknown).to_pylist()}
        replaced = {text: category for text, category in found.items() if category is not None}
        if not replaced:
            return column
        indexes = pc.index_in(values, value_set=pa.array(list(replaced), values.type))
        categories = pa.array([category.encode() for category in replaced.values()], values.type)
        chosen = pc.coalesce(categories.take(indexes), values)
        return pa.LargeListArray.from_arrays(_offsets(column), chosen, type=column.type, mask=column.is_null())

    def _category(self, text: bytes) -> str | None:
        plain = plain_form(text.decode(errors="replace"))
        return None if plain is None else self._of_plain.get(plain)


def _offsets(column: pa.LargeListArray) -> pa.Array:
    """Returns where the rows begin in the flattened values: a slice's offsets begin elsewhere."""
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    return pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths).cast(pa.int64())])


def plain_form(text: str) -> str | None:
    """Returns what all texts of a number, a truth value or a day have in common; None for other texts."""
    if _NUMBER.fullmatch(text):
        return f"{decimal.Decimal(text).normalize() + 0:f}"
    if text.lower() in ("true", "false"):
        return text.lower()
    day = _DATE.fullmatch(text)
    return day.group(1) if day else None

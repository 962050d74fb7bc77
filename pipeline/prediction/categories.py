"""Replaces texts by the categories of training that are the same value, such as `1.0` by `1`, `1` by `01`.

Files hold a column of codes as numbers where all its codes are digits, and dates with or without a time.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from core.plain_forms import plain_form, plain_forms


class Categories:
    """The categories of a feature in training."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Takes the categories as texts."""
        self._known = pa.array([value.encode() for value in vocabulary], pa.large_binary())
        self._of_plain = plain_forms(vocabulary)

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

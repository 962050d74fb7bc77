"""Declares the raw columns as the transform graph takes them: those of one type side by side.

A table of thousands of columns so crosses from Python into TensorFlow, and through a request, as a few tensors.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import tensorflow as tf

from core.spec import Feature, Payload

NO_INTEGER = tf.int64.min  # stands for a missing integer inside the graph

VALUE_TYPES: Mapping[Payload, tf.DType] = {
    "int": tf.int64,
    "float": tf.float32,
    "double": tf.float64,
    "text": tf.string,
}
Table = TypeVar("Table", bound=tf.Module)
MISSING: Mapping[Payload, float | str] = {"int": NO_INTEGER, "float": math.nan, "double": math.nan, "text": ""}


class RawColumns(NamedTuple):
    """The raw columns of some rows.

    Attributes:
        matrices: by payload the columns of one value a row, [batch, columns], in the order of `together`; a missing
            value is that of `MISSING`.
        repeated: the columns of several values a row, each sparse [batch, values], in the order of the features.
    """

    matrices: Mapping[Payload, tf.Tensor]
    repeated: Sequence[tf.SparseTensor]


def together(features: Sequence[Feature]) -> dict[Payload, list[Feature]]:
    """Returns the features of one value a row by payload; those that are written and meant alike are neighbours."""
    single = [feature for feature in features if not feature.repeated]
    single.sort(key=lambda feature: (feature.written or "", feature.kind))
    found = {payload: [feature for feature in single if feature.payload == payload] for payload in VALUE_TYPES}
    return {payload: alike for payload, alike in found.items() if alike}


def specs(features: Sequence[Feature]) -> RawColumns:
    """Returns the types of the raw columns."""
    matrices = {
        payload: tf.TensorSpec([None, len(alike)], VALUE_TYPES[payload])
        for payload, alike in together(features).items()
    }
    repeated = [tf.SparseTensorSpec([None, None], VALUE_TYPES[found.payload]) for found in features if found.repeated]
    return RawColumns(matrices, repeated)


def by_name(features: Sequence[Feature], raw: RawColumns) -> dict[str, tf.SparseTensor]:
    """Returns the raw columns as a user's function takes them: each sparse [batch, values], without missing values."""
    found: dict[str, tf.SparseTensor] = {}
    for payload, alike in together(features).items():
        columns = present(raw.matrices[payload], payload)
        parts = tf.raw_ops.SparseSplit(
            split_dim=1,
            indices=columns.indices,
            values=columns.values,
            shape=columns.dense_shape,
            num_split=len(alike),
        )
        found |= {
            feature.name: tf.SparseTensor(*part) for feature, part in zip(alike, zip(*parts, strict=True), strict=True)
        }
    names = [feature.name for feature in features if feature.repeated]
    return found | dict(zip(names, raw.repeated, strict=True))


def present(matrix: tf.Tensor, payload: Payload) -> tf.SparseTensor:
    """Returns a matrix without its missing values."""
    floating = matrix.dtype.is_floating
    indexes = tf.where(~tf.math.is_nan(matrix) if floating else matrix != MISSING[payload])
    found = tf.cast(tf.gather_nd(matrix, indexes), VALUE_TYPES[payload])
    return tf.SparseTensor(indexes, found, tf.shape(matrix, tf.int64))


def take(matrix: tf.Tensor, places: Sequence[int]) -> tf.Tensor:
    """Returns some columns of a matrix [batch, columns, ...]."""
    if list(places) != list(range(places[0], places[0] + len(places))):
        return tf.gather(matrix, places, axis=1)
    return matrix if len(places) == matrix.shape[1] else matrix[:, places[0] : places[0] + len(places)]


def stack(columns: Sequence[tf.SparseTensor], default: tf.types.experimental.TensorLike) -> tf.Tensor:
    """Returns columns of at most one value a row side by side, [batch, columns], with `default` for missing."""
    # tf.sparse.concat sorts the indices, which takes half of the time of a request of 1,024 rows.
    indices = [column.indices + tf.constant([[0, place]], tf.int64) for place, column in enumerate(columns)]
    values = tf.concat([column.values for column in columns], axis=0)
    dense = tf.raw_ops.SparseToDense(
        sparse_indices=tf.concat(indices, axis=0),
        output_shape=tf.stack([columns[0].dense_shape[0], len(columns)]),
        sparse_values=values,
        default_value=tf.constant(default, values.dtype),
        validate_indices=False,
    )
    return tf.ensure_shape(dense, [None, len(columns)])


class ByName:
    """Raw columns by name, each sparse [batch, values]."""

    def __init__(self, columns: Mapping[str, tf.SparseTensor]) -> None:
        self._columns = columns

    def matrix(self, features: Sequence[Feature]) -> tf.Tensor:
        """Returns features of one payload side by side, as in `RawColumns.matrices`."""
        missing = MISSING[features[0].payload]
        return stack([self._columns[feature.name] for feature in features], missing)

    def values(self, feature: Feature) -> tf.SparseTensor:
        """Returns a repeated feature."""
        return self._columns[feature.name]

    def made(self, make: Callable[[], Table]) -> Table:
        """Makes lookup tables in the graph, where TF Transform expects them."""
        return make()


class Together:
    """Raw columns side by side.

    Args:
        raw: the columns.
        features: all features.
        tables: gets the tables that are made.
    """

    def __init__(self, raw: RawColumns, features: Sequence[Feature], tables: list[tf.Module]) -> None:
        self._raw, self._tables = raw, tables
        groups = [*together(features).values(), [feature for feature in features if feature.repeated]]
        self._places = {feature.name: place for group in groups for place, feature in enumerate(group)}

    def matrix(self, features: Sequence[Feature]) -> tf.Tensor:
        """Returns features of one payload side by side, as in `RawColumns.matrices`."""
        return take(self._raw.matrices[features[0].payload], [self._places[feature.name] for feature in features])

    def values(self, feature: Feature) -> tf.SparseTensor:
        """Returns a repeated feature."""
        return self._raw.repeated[self._places[feature.name]]

    def made(self, make: Callable[[], Table]) -> Table:
        """Makes lookup tables outside the graph."""
        with tf.init_scope():
            self._tables.append(make())
        return self._tables[-1]

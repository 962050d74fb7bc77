"""Defines the operations of the transform graph, each over all columns of a kind at once.

A wide table has thousands of columns, and a graph with separate operations for each column takes minutes to trace, save
and load. The operations are TensorFlow's own.
"""

import datetime
import math
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from core import plain_forms as same_value
from core.spec import PER_SECOND, Unit

TOKEN_BUCKETS = 4096  # hash buckets of text, the padding included
MAX_TOKENS = 64
NO_INTEGER = tf.int64.min  # stands for a missing integer inside the graph

_SEPARATOR = "\x1f"
_FORM = "="  # begins the key of a plain form, since that of a value begins with a digit


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


def mean(column: tf.SparseTensor) -> tf.Tensor:
    """Returns the mean of a row's finite values as float64[batch], NaN where there are none."""
    values = tf.cast(column.values, tf.float64)
    finite = tf.math.is_finite(values)
    rows, segments = column.indices[:, 0], column.dense_shape[0]
    total = tf.math.unsorted_segment_sum(tf.where(finite, values, 0), rows, segments)
    count = tf.math.unsorted_segment_sum(tf.cast(finite, tf.float64), rows, segments)
    return total / count  # 0 / 0 is NaN


def numbers(matrix: tf.Tensor) -> tf.Tensor:
    """Returns numbers as float64 with NaN for missing."""
    values = tf.cast(matrix, tf.float64)
    return (
        tf.where(matrix == NO_INTEGER, tf.constant(math.nan, tf.float64), values) if matrix.dtype.is_integer else values
    )


def texts(matrix: tf.Tensor) -> tf.Tensor:
    """Returns integers as their decimal digits, with "" for missing."""
    return tf.where(matrix == NO_INTEGER, "", tf.strings.as_string(matrix))


def fill(matrix: tf.Tensor, values: Sequence[float]) -> tuple[tf.Tensor, tf.Tensor]:
    """Replaces NaN and infinities.

    Args:
        matrix: float32[batch, columns].
        values: the replacement in each column.

    Returns:
        The matrix without NaN and infinities, and float32[batch, columns] that is 1 where it was filled.
    """
    finite = tf.math.is_finite(matrix)
    return tf.where(finite, matrix, tf.constant(values, tf.float32)), 1 - tf.cast(finite, tf.float32)


class Vocabularies:
    """Finds values of many columns in one table.

    A text that is not a value of its column has the index of the only value with the same plain form, such as `1.0`
    that of `1`: see `core.plain_forms`. After the indexes of the values come those of the hash buckets, which all other
    texts share.
    """

    def __init__(self, vocabularies: Mapping[str, Sequence[str]], buckets: Mapping[str, int]) -> None:
        """Makes the table.

        Args:
            vocabularies: the values of each column, in the order of their indexes.
            buckets: the number of hash buckets of each column, at least 1.
        """
        self._prefix = {name: f"{number}{_SEPARATOR}" for number, name in enumerate(vocabularies)}
        self._size = {name: len(values) for name, values in vocabularies.items()}
        self._buckets = buckets
        entries, self._have_forms = {_SEPARATOR: -1}, False
        for name, values in vocabularies.items():
            prefix, forms = self._prefix[name], same_value.plain_forms(values)
            index = {value: place for place, value in enumerate(values)}
            entries |= {prefix + value: place for value, place in index.items()}
            entries |= {_FORM + prefix + plain: index[value] for plain, value in forms.items()}
            self._have_forms |= bool(forms)
        initializer = tf.lookup.KeyValueTensorInitializer(  # TensorFlow takes arrays in half the time of lists
            tf.constant(np.array(list(entries), object)), tf.constant(np.array(list(entries.values())), tf.int64)
        )
        self._table = tf.lookup.StaticHashTable(initializer, default_value=-1)

    def indexes(self, matrix: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
        """Returns int64[batch, columns]: the indexes; that of missing values comes last."""
        missing = tf.constant([self._size[name] + self._buckets[name] for name in names], tf.int64)
        return tf.where(matrix == "", missing, self._indexes(matrix, names))

    def sequences(self, column: tf.SparseTensor, name: str, length: int) -> tf.Tensor:
        """Returns int64[batch, length]: 0 is padding, and then come the indexes."""
        values = column.values
        if values.dtype != tf.string:
            values = tf.strings.as_string(values)
        ragged = tf.RaggedTensor.from_sparse(column.with_values(self._indexes(values, [name]) + 1))
        return ragged.to_tensor(default_value=0, shape=[None, length])

    def _indexes(self, values: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
        """Returns the index of each value, of which the last axis belongs to the columns, or all to the only one."""
        prefixes = tf.constant([self._prefix[name] for name in names])
        sizes, buckets = (tf.constant([of[name] for name in names], tf.int64) for of in (self._size, self._buckets))
        found = self._table.lookup(prefixes + values)
        hashed = any(self._buckets[name] > 1 for name in names)
        if self._have_forms or hashed:
            absent = tf.where((found < 0) & (values != ""))  # the following takes time, and "" has no form
            columns = (
                tf.gather_nd(tf.broadcast_to(part, tf.shape(values)), absent) for part in (prefixes, sizes, buckets)
            )
            indexes = self._of_absent(tf.gather_nd(values, absent), *columns)
            found = tf.tensor_scatter_nd_update(found, absent, indexes)
        return tf.where(found < 0, sizes, found)

    def _of_absent(self, texts: tf.Tensor, prefixes: tf.Tensor, sizes: tf.Tensor, buckets: tf.Tensor) -> tf.Tensor:
        """Returns the index of each text that the vocabulary lacks: by its plain form, or else by its hash."""
        forms = plain_forms(texts) if self._have_forms else tf.zeros_like(texts)
        by_form = self._table.lookup(_FORM + prefixes + forms)
        hashes = tf.strings.to_hash_bucket_fast(tf.where(forms == "", texts, forms), tf.int32.max)
        return tf.where(by_form < 0, sizes + hashes % buckets, by_form)


def plain_forms(texts: tf.Tensor) -> tf.Tensor:
    """Returns the plain form of each text, or "" where it has none: see `core.plain_forms.plain_form`."""
    plain = tf.zeros_like(texts)
    for pattern, replacements in same_value.SAME_VALUE:
        form = texts
        for found, replacement in replacements:
            form = tf.strings.regex_replace(form, found, replacement)
        plain = tf.where(tf.strings.regex_full_match(texts, pattern), form, plain)
    return plain


def tokens(matrix: tf.Tensor) -> tf.Tensor:
    """Returns the hashed words of texts as int64[batch, columns, MAX_TOKENS]: 0 is padding."""
    words = tf.strings.regex_replace(tf.strings.lower(matrix, encoding="utf-8"), r"[^\pL\pN]+", " ")
    ragged = tf.strings.split(words)
    hashed = ragged.with_flat_values(tf.strings.to_hash_bucket_fast(ragged.flat_values, TOKEN_BUCKETS - 1) + 1)
    padded = hashed.to_tensor(default_value=0, shape=[None, None, MAX_TOKENS])
    return tf.ensure_shape(padded, [None, matrix.shape[1], MAX_TOKENS])


def joined(column: tf.SparseTensor) -> tf.Tensor:
    """Returns the texts of a row one after the other, as string[batch, 1]."""
    return tf.strings.reduce_join(tf.sparse.to_dense(column, ""), axis=1, keepdims=True, separator=" ")


def calendar(matrix: tf.Tensor, units: Sequence[Unit]) -> Mapping[str, tf.Tensor]:
    """Returns the hour, the weekday and the month of moments counted from 1970-01-01 UTC, by integer arithmetic.

    Args:
        matrix: int64[batch, columns], NO_INTEGER for missing.
        units: the unit of each column.

    Returns:
        int64[batch, columns] each: `hour` 0 to 23, `weekday` from Monday 0 to 6, `month` from January 0 to 11;
        missing moments have the index after the last.
    """
    per_second = tf.constant([PER_SECOND[unit] for unit in units], tf.int64)
    missing = matrix == NO_INTEGER
    seconds = tf.math.floordiv(tf.where(missing, tf.constant(0, tf.int64), matrix), per_second)
    days = tf.math.floordiv(seconds, 86_400)
    parts = {
        "hour": tf.math.floormod(tf.math.floordiv(seconds, 3_600), 24),
        "weekday": tf.math.floormod(days + datetime.date(1970, 1, 1).weekday(), 7),
        "month": _month(days),
    }
    return {name: tf.where(missing, tf.constant(PERIODS[name], tf.int64), part) for name, part in parts.items()}


def elapsed_days(
    matrix: tf.Tensor, units: Sequence[Unit], low: Sequence[int], high: Sequence[int], start: Sequence[int]
) -> tf.Tensor:
    """Returns the days from a start to each moment, as float32[batch, columns]; 0 for missing.

    Args:
        matrix: int64[batch, columns], NO_INTEGER for missing.
        units: the unit of each column.
        low: the first moment of each column; an earlier one counts as the first.
        high: the last moment of each column; a later one counts as the last.
        start: the start of each column.
    """
    bounded = tf.clip_by_value(matrix, tf.constant(low, tf.int64), tf.constant(high, tf.int64))
    since = tf.where(matrix == NO_INTEGER, tf.constant(0, tf.int64), bounded - tf.constant(start, tf.int64))
    per_day = tf.constant([86_400 * PER_SECOND[unit] for unit in units], tf.float64)
    return tf.cast(tf.cast(since, tf.float64) / per_day, tf.float32)


PERIODS = {"hour": 24, "weekday": 7, "month": 12}


def _month(days: tf.Tensor) -> tf.Tensor:
    """Counts in the calendar of 400 years that starts on the first of March, in which leap days come last."""
    day_of_era = tf.math.floormod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era
        - tf.math.floordiv(day_of_era, 1_460)
        + tf.math.floordiv(day_of_era, 36_524)
        - tf.math.floordiv(day_of_era, 146_096)
    ) // 365
    leap_days = tf.math.floordiv(year_of_era, 4) - tf.math.floordiv(year_of_era, 100)
    day_of_year = day_of_era - (365 * year_of_era + leap_days)
    return tf.math.floormod(tf.math.floordiv(5 * day_of_year + 2, 153) + 2, 12)


def circle(indexes: tf.Tensor, period: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns sine and cosine of a place in a period as float32, both 0 for the index of missing.

    They are looked up: the last bit of TensorFlow's sine depends on the place of a row in its batch, and where a tree
    divides such values, so would its predictions.
    """
    angles = np.arange(period) * (2 * np.pi / period)
    sine, cosine = (np.append(function(angles), 0).astype(np.float32) for function in (np.sin, np.cos))
    return tf.gather(sine, indexes), tf.gather(cosine, indexes)

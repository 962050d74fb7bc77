"""Defines the operations of the transform graph, each over all columns of a kind at once.

A wide table has thousands of columns, and a graph with separate operations for each column takes minutes to trace, save
and load. The operations are TensorFlow's own.
"""

import datetime
import itertools
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import tensorflow as tf

from core import plain_forms as same_value
from core.spec import PER_SECOND, Unit
from models.preprocessing.raw_columns import NO_INTEGER

TOKEN_BUCKETS = 4096  # hash buckets of text, the padding included
MAX_TOKENS = 64

FACTOR = 0x1E3779B97F4A7C15  # any large odd number


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


class Vocabularies(tf.Module):
    """Finds values of many columns in one table.

    A text that is not a value of its column has the index of the only value with the same plain form, such as `1.0`
    that of `1`: see `core.plain_forms`. After the indexes of the values come those of the hash buckets, which all other
    values share.
    """

    def __init__(
        self, vocabularies: Mapping[str, Sequence[str]], buckets: Mapping[str, int], whole_numbers: bool
    ) -> None:
        """Makes the tables.

        Args:
            vocabularies: the values of each column, in the order of their indexes.
            buckets: the number of hash buckets of each column, at least 1.
            whole_numbers: whether the columns hold whole numbers, whose values are decimal digits; else texts.
        """
        super().__init__()
        self._places = {name: place for place, name in enumerate(vocabularies)}
        self._sizes = np.array([len(values) for values in vocabularies.values()], np.int64)
        self._buckets = np.array([buckets[name] for name in vocabularies], np.int64)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._texts: tf.lookup.StaticHashTable | None = None
        self._forms: tf.lookup.StaticHashTable | None = None
        if whole_numbers:
            numbered = [{int(value): place for place, value in enumerate(values)} for values in vocabularies.values()]
        else:
            numbered = self._number_texts(vocabularies.values())
        numbers = np.array([number for column in numbered for number in column], np.int64)
        columns = np.repeat(np.arange(len(numbered)), [len(column) for column in numbered])
        factor = FACTOR
        while len(np.unique(numbers + columns * np.int64(factor))) < len(numbers):
            factor += 2
        self._offsets = np.arange(len(numbered)) * np.int64(factor)
        found = np.array([index for column in numbered for index in column.values()], np.int64)
        self._table = _table(numbers + self._offsets[columns], found + self._starts[columns])

    def _number_texts(self, vocabularies: Collection[Sequence[str]]) -> list[dict[int, int]]:
        """Numbers the texts and the plain forms of all columns; returns for each column the indexes of its numbers."""
        forms = [same_value.plain_forms(values) for values in vocabularies]
        texts = {text: number for number, text in enumerate(dict.fromkeys(itertools.chain(*vocabularies)))}
        plain = {form: number for number, form in enumerate(dict.fromkeys(itertools.chain(*forms)), len(texts))}
        self._texts = _table(np.array(list(texts), object), np.array(list(texts.values()), np.int64))
        if plain:
            self._forms = _table(np.array(list(plain), object), np.array(list(plain.values()), np.int64))
        found = []
        for values, of_values in zip(vocabularies, forms, strict=True):
            index = {value: place for place, value in enumerate(values)}
            found.append({texts[value]: place for value, place in index.items()})
            found[-1] |= {plain[form]: index[value] for form, value in of_values.items()}
        return found

    def indexes(self, matrix: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
        """Returns int64[batch, columns]: the indexes; that of missing values comes last."""
        columns = np.array([self._places[name] for name in names])
        return tf.where(_missing(matrix), (self._sizes + self._buckets)[columns], self._indexes(matrix, columns))

    def sequences(self, column: tf.SparseTensor, name: str, length: int) -> tf.Tensor:
        """Returns int64[batch, length]: 0 is padding, and then come the indexes."""
        place = self._places[name]
        indexes = self._indexes(column.values[:, None], np.array([place]))[:, 0]
        ragged = tf.RaggedTensor.from_sparse(column.with_values(indexes + 1))
        return ragged.to_tensor(default_value=0, shape=[None, length])

    def _indexes(self, matrix: tf.Tensor, columns: np.ndarray) -> tf.Tensor:
        """Returns the index of each value, given as to `_found`."""
        found, buckets = self._found(matrix, columns), self._buckets[columns]
        if buckets.max() == 1:
            return found
        places = tf.where((found == self._sizes[columns]) & ~_missing(matrix) & (buckets > 1))
        values = tf.gather_nd(matrix, places)
        if matrix.dtype == tf.string:
            plain = plain_forms(values)
            values = tf.where(plain == "", values, plain)
        else:
            values = tf.strings.as_string(values)
        hashes = tf.strings.to_hash_bucket_fast(values, tf.int32.max) % tf.gather(buckets, places[:, 1])
        return tf.tensor_scatter_nd_add(found, places, hashes)

    def _found(self, matrix: tf.Tensor, columns: np.ndarray) -> tf.Tensor:
        """Returns the index of each value in its column; unknown values have the one after the last.

        Args:
            matrix: the values, [batch, columns].
            columns: the place of each column.
        """
        if self._texts is None:
            return self._of_numbers(matrix, columns)
        found = self._of_numbers(self._texts.lookup(matrix), columns)
        plain = self._forms
        if plain is None:
            return found
        unknown = (found == self._sizes[columns]) & ~_missing(matrix)

        def with_forms() -> tf.Tensor:
            places = tf.where(unknown)
            forms = plain.lookup(plain_forms(tf.gather_nd(matrix, places)))
            return tf.tensor_scatter_nd_update(found, places, self._of_numbers(forms, columns, places[:, 1]))

        return tf.cond(tf.reduce_any(unknown), with_forms, lambda: found)  # plain forms take time

    def _of_numbers(self, numbers: tf.Tensor, columns: np.ndarray, places: tf.Tensor | None = None) -> tf.Tensor:
        """Does the same for numbers; `places` are the columns of numbers in no matrix."""
        offsets, starts, sizes = (
            constants[columns] if places is None else tf.gather(constants[columns], places)
            for constants in (self._offsets, self._starts, self._sizes)
        )
        # The sum may wrap around, and be that of a number of another column: its index is then none of this column.
        found = self._table.lookup(numbers + offsets) - starts
        return tf.where((found >= 0) & (found < sizes), found, sizes)


def _missing(matrix: tf.Tensor) -> tf.Tensor:
    return matrix == ("" if matrix.dtype == tf.string else NO_INTEGER)


def _table(keys: np.ndarray, values: np.ndarray) -> tf.lookup.StaticHashTable:
    initializer = tf.lookup.KeyValueTensorInitializer(
        tf.constant(keys, tf.string if keys.dtype == object else tf.int64), tf.constant(values, tf.int64)
    )
    return tf.lookup.StaticHashTable(initializer, default_value=-1)


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

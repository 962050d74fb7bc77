"""Reads the columns of a request to `predict`: by the rule of docs/values.md, and with errors that name the feature."""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from core.spec import (
    ISO_8601,
    PER_SECOND,
    TRUE_OR_FALSE,
    UNIT_NAMES,
    WHOLE_NUMBERS,
    Feature,
    Input,
    Payload,
    Unit,
    plausible_moments,
)
from core.text import FALSE_WORDS, NULL_WORDS, TRUE_WORDS
from models.preprocessing import raw_columns
from models.preprocessing.raw_columns import NO_INTEGER, VALUE_TYPES, RawColumns
from models.serving.requests import moments

_TOO_LARGE = 2.0**63
_YEAR = 31_556_952  # seconds
_SECONDS: Mapping[str, float] = {"days": 86_400.0} | {unit: 1 / per for unit, per in PER_SECOND.items()}

Bounds = Mapping[str, tuple[float, float]]


def bounds(features: Sequence[Feature], inputs: Sequence[Input]) -> dict[str, tuple[float, float]]:
    """Returns the range of the moments of train and those near it, by feature; none after a user's function."""
    times = [feature for feature in features if feature.kind == "timestamp"]
    found = [model_input.moments for model_input in inputs if model_input.moments]
    if not found:
        return {}
    return {time.name: plausible_moments(ends, time.unit) for time, ends in zip(times, found, strict=True)}


def is_text(feature: Feature) -> bool:
    """Returns whether a request has the values of a feature as texts."""
    return feature.payload == "text" or feature.written is not None


class Reader:
    """Reads requests as the transform graph takes them.

    A value that is none of its column is an InvalidArgument that names the feature, the value and what is expected.

    Args:
        features: the features that requests bring.
        plausible: see `bounds`.
    """

    def __init__(self, features: Sequence[Feature], plausible: Bounds) -> None:
        units = {feature.name: feature.unit for feature in features}
        self.features = features
        self._other_units = {name: _other_units(ends, units[name]) for name, ends in plausible.items()}

    def columns(self, columns: Mapping[str, tf.Tensor]) -> RawColumns:
        """Returns columns [batch], or [batch, values] of repeated features."""

        def read(features: Sequence[Feature]) -> tf.Tensor:
            matrix = tf.stack([columns[feature.name] for feature in features], axis=1)
            return self.numbers(matrix, features) if features[0].written is None else self.texts(matrix, features)

        repeated = []
        for feature in self.features:
            if feature.repeated:
                values = columns[feature.name]
                checked = self._checked(values, [feature]) if feature.payload == "int" else values
                repeated.append(raw_columns.present(checked, feature.payload))
        return RawColumns(self.matrices(read), repeated)

    def matrices(self, read: Callable[[Sequence[Feature]], tf.Tensor]) -> dict[Payload, tf.Tensor]:
        """Returns `RawColumns.matrices`, given a function that reads features which are written in the same way."""
        found = {}
        for payload, features in raw_columns.together(self.features).items():
            groups = itertools.groupby(features, lambda feature: feature.written)
            parts = [read(list(alike)) for _, alike in groups]
            found[payload] = parts[0] if len(parts) == 1 else tf.concat(parts, axis=1)
        return found

    def numbers(self, matrix: tf.Tensor, features: Sequence[Feature]) -> tf.Tensor:
        """Returns float64 or string[batch, columns], of features of one payload, as in `RawColumns.matrices`."""
        payload = features[0].payload
        if payload != "int":
            return tf.cast(matrix, VALUE_TYPES[payload])
        matrix = self._checked(matrix, features)
        return tf.cast(tf.where(tf.math.is_nan(matrix), tf.constant(NO_INTEGER, tf.float64), matrix), tf.int64)

    def texts(self, texts: tf.Tensor, features: Sequence[Feature]) -> tf.Tensor:
        """Returns texts, string[batch, columns], of features that are all written in the same way, as int64."""
        plain = tf.strings.strip(texts)
        usual = _usual_form(plain, features)

        def unusual() -> tuple[tf.Tensor, tf.Tensor]:
            values, good, missing = _any_form(plain, features, usual, self._in_unit)
            with tf.control_dependencies([_require(missing | good, texts, features)]):
                return values, tf.identity(missing)

        # Most requests have all values in the usual form, and other forms take time.
        values, good = usual
        empty = plain == ""
        values, missing = tf.cond(tf.reduce_all(good | empty), lambda: (values, empty), unusual)
        return tf.where(missing, NO_INTEGER, values)

    def moments(self, matrix: tf.Tensor, features: Sequence[Feature]) -> tf.Tensor:
        """Returns int64[batch, columns], after a check that moments are in the right unit."""
        with tf.control_dependencies(self._require_in_unit(matrix, features)):
            return tf.identity(matrix)

    def _checked(self, numbers: tf.Tensor, features: Sequence[Feature]) -> tf.Tensor:
        """Returns float64 numbers, after a check that those present are whole, of 64 bits, and moments in the unit."""
        whole = (numbers == tf.floor(numbers)) & (tf.abs(numbers) < _TOO_LARGE)
        is_whole = _require(tf.math.is_nan(numbers) | whole, numbers, features)
        with tf.control_dependencies([is_whole, *self._require_in_unit(numbers, features)]):
            return tf.identity(numbers)

    def _require_in_unit(self, numbers: tf.Tensor, features: Sequence[Feature]) -> list[tf.Tensor]:
        """Returns tensors to wait for, which fail where a moment, [batch, columns], is in another unit."""
        places = [place for place, feature in enumerate(features) if feature.name in self._other_units]
        if not places:
            return []
        of_columns = [features[place] for place in places]
        found = raw_columns.take(numbers, places) if len(features) > 1 else numbers  # a repeated feature has more
        good = self._in_unit(found, of_columns)
        missing = found == NO_INTEGER if found.dtype == tf.int64 else tf.math.is_nan(found)
        return [_require(missing | good, found, of_columns)]

    def _in_unit(self, numbers: tf.Tensor, features: Sequence[Feature]) -> tf.Tensor:
        """Returns which numbers, [batch, columns], are no moments in another unit than that of their feature."""
        intervals = [self._other_units.get(feature.name, [(math.inf, -math.inf)]) for feature in features]
        if not any(feature.name in self._other_units for feature in features):
            return tf.ones_like(numbers, tf.bool)
        most = max(map(len, intervals))
        padded = tf.constant([[*found, *found[:1] * (most - len(found))] for found in intervals], tf.float64)
        wide = tf.cast(numbers, tf.float64)[:, :, None]
        return ~tf.reduce_any((wide >= padded[:, :, 0]) & (wide <= padded[:, :, 1]), axis=2)


def _usual_form(plain: tf.Tensor, features: Sequence[Feature]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns texts, string[batch, columns], as int64, and which are written as most texts of these features."""
    (written,) = {feature.written for feature in features}
    if written == TRUE_OR_FALSE:
        true = _is_one_of(plain, TRUE_WORDS)
        return tf.cast(true, tf.int64), true | _is_one_of(plain, FALSE_WORDS)
    if written == WHOLE_NUMBERS:
        return _whole_numbers(plain)
    return moments.whole_numbers(plain, str(written), [feature.unit for feature in features])


def _any_form(
    plain: tf.Tensor,
    features: Sequence[Feature],
    usual: tuple[tf.Tensor, tf.Tensor],
    in_unit: Callable[[tf.Tensor, Sequence[Feature]], tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns texts in any form as int64, which of them are values, and which are missing."""
    (written,) = {feature.written for feature in features}
    values, good = usual
    if written not in (TRUE_OR_FALSE, WHOLE_NUMBERS):
        iso, is_iso = moments.whole_numbers(plain, ISO_8601, [feature.unit for feature in features])
        digits, is_digits = _whole_numbers(plain)
        values = tf.where(good, values, tf.where(is_iso, iso, digits))
        good |= is_iso | (is_digits & in_unit(digits, features))
    return values, good, _is_one_of(plain, ("", *NULL_WORDS))


def _other_units(plausible: tuple[float, float], unit: Unit) -> list[tuple[float, float]]:
    """Returns the intervals of the numbers that are moments in another unit.

    Those are far from all moments of train, and would be near them, or between 1980 and 2100, in another unit.
    """
    years = [year * _YEAR * PER_SECOND[unit] for year in (1980 - 1970, 2100 - 1970)]
    found = []
    for other, seconds in _SECONDS.items():
        if other != unit:
            for low, high in (plausible, years):
                first, last = (end / (seconds * PER_SECOND[unit]) for end in (low, high))
                found += [(first, min(last, plausible[0])), (max(first, plausible[1]), last)]
    return [(first, last) for first, last in found if first < last]


def _require(good: tf.Tensor, values: tf.Tensor, features: Sequence[Feature]) -> tf.Tensor:
    """Returns a tensor to wait for, which fails where a value is bad, and names the first such value and its feature.

    Args:
        good: bool[batch, columns].
        values: the values of a request, of the same shape.
        features: those of the columns, or the only one.
    """

    def message() -> tf.Tensor:
        first = tf.where(~good)[0]
        value = tf.gather_nd(values, first)
        shown = value if value.dtype == tf.string else tf.strings.as_string(value)
        column = first[1] if len(features) > 1 else 0
        name = tf.gather([feature.name for feature in features], column)
        expected = tf.gather([_expected(feature) for feature in features], column)
        return tf.strings.join(["Feature '", name, "' has the value '", shown, "', and ", expected, " was expected."])

    return require(tf.reduce_all(good), message)


def require(condition: tf.Tensor, message: Callable[[], tf.Tensor]) -> tf.Tensor:
    """Returns a tensor to wait for, which fails with InvalidArgument and a message where a condition does not hold."""
    # tf.debugging.Assert writes all letters but those of ASCII as numbers; this operation shows the text as it is.
    return tf.cond(condition, lambda: tf.constant(0.0), lambda: tf.strings.to_number(message()))


def _expected(feature: Feature) -> str:
    if feature.written == TRUE_OR_FALSE:
        return TRUE_OR_FALSE
    if feature.kind != "timestamp":
        return "a whole number of 64 bits"
    number = f"a whole number of {UNIT_NAMES[feature.unit]} ({feature.unit}) since 1970-01-01 UTC"
    written = feature.written not in (None, WHOLE_NUMBERS)
    return f"a moment in {feature.written}, or {number}," if written else number


def _is_one_of(texts: tf.Tensor, words: Sequence[str]) -> tf.Tensor:
    return tf.strings.regex_full_match(texts, f"(?i:{'|'.join(map(re.escape, words))})")


def _whole_numbers(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns texts such as `5`, `+5` and `5.0` as int64, and which texts are such."""
    digits = tf.strings.regex_replace(texts, r"^(?:\+|(-))?0*(\d+)(?:\.0*)?$", r"\1\2")
    largest = str(tf.int64.max)
    below = "|".join(
        rf"{largest[:place]}[0-{int(digit) - 1}]\d{{{len(largest) - place - 1}}}"
        for place, digit in enumerate(largest)
        if digit != "0"
    )
    fits = tf.strings.regex_full_match(digits, rf"-?(?:\d{{1,{len(largest) - 1}}}|{below}|{largest})")
    return tf.strings.to_number(tf.where(fits, digits, "0"), tf.int64), fits

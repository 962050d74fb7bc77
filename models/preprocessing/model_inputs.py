"""Declares the inputs of a model: what each feature becomes."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import tensorflow as tf

from core.spec import PER_SECOND, Feature, Input, Spec
from models.preprocessing import transform_ops
from models.preprocessing.feature_stats import FeatureStats


def declare(spec: Spec, stats: Mapping[str, FeatureStats]) -> dict[str, tuple[Input, ...]]:
    """Returns the inputs that each feature becomes, in the spec's order."""
    taken = {feature.name for feature in spec.features} | {spec.label.name, spec.weight}
    declared = {}
    for feature in spec.features:
        inputs = tuple(_declare(feature, stats[feature.name], taken))
        taken.update(model_input.name for model_input in inputs)
        declared[feature.name] = inputs
    return declared


def of(spec: Spec, stats: Mapping[str, FeatureStats]) -> tuple[Input, ...]:
    """Returns the inputs of all features, in the order of `declare`."""
    return tuple(itertools.chain(*declare(spec, stats).values()))


def _declare(feature: Feature, column: FeatureStats, taken: set[str | None]) -> Sequence[Input]:
    name = feature.name
    if feature.kind == "text":
        return [Input(name, "tokens", transform_ops.TOKEN_BUCKETS)]
    if feature.kind == "categorical":
        return _declare_category(feature, column, taken)
    if feature.kind == "numeric":
        return _declare_number(feature, column, taken)
    return _declare_time(feature, column, taken)


def _declare_category(feature: Feature, column: FeatureStats, taken: set[str | None]) -> Sequence[Input]:
    """Declares a category, and its amount where the feature says so; a missing amount is the median."""
    size = len(column.vocabulary) + column.hash_buckets + 1  # missing values, or padding
    kind: Literal["tokens", "categorical"] = "tokens" if feature.repeated else "categorical"
    category = Input(feature.name, kind, size, values=column.vocabulary)
    if not feature.also_numeric:
        return [category]
    mean, std = _filled_moments(column)
    name = _free(f"{feature.name}_amount", taken)
    return [category, Input(name, "numeric", 0, mean, std or 1.0, column.boundaries, offset=column.offset)]


def _declare_time(feature: Feature, column: FeatureStats, taken: set[str | None]) -> Sequence[Input]:
    """Declares the days since the median of train, then the parts of the calendar, in the order of `_times`."""
    mean, std = _filled_moments(column)
    per_day = 86_400 * PER_SECOND[feature.unit]
    boundaries = tuple(boundary / per_day for boundary in column.boundaries)
    elapsed = _free(f"{feature.name}_elapsed", taken)
    ends = (int(column.offset + column.low), int(column.offset + column.high))
    if column.missing == 1:
        ends = tf.int64.min, tf.int64.max
    inputs = [Input(elapsed, "numeric", 0, mean / per_day, std / per_day or 1.0, boundaries, moments=ends)]
    for part, period in periods(column).items():
        free = _free(f"{feature.name}_{part}", taken)
        inputs.append(Input(free, "categorical", period + 1))
        for function in (math.sin, math.cos):
            points = sorted({round(function(2 * math.pi * index / period), 6) for index in range(period)})
            wave = _free(f"{feature.name}_{part}_{function.__name__}", taken)
            inputs.append(Input(wave, "numeric", 0, 0.0, math.sqrt(0.5), tuple(points[1:-1])))
    return inputs


def periods(column: FeatureStats) -> dict[str, int]:
    """Returns the parts of the calendar that a column has: dates have no hour."""
    return {part: period for part, period in transform_ops.PERIODS.items() if part != "hour" or not column.dates}


def _declare_number(feature: Feature, column: FeatureStats, taken: set[str | None]) -> Sequence[Input]:
    """Declares a number, and where values are missing, whether they are.

    The moments of a repeated column are those of its values, although the model sees the mean of a row's values.
    """
    mean, std = _filled_moments(column)
    inputs = [Input(feature.name, "numeric", 0, mean, std or 1.0, column.boundaries, offset=column.offset)]
    if gaps := column.missing:
        std, free = math.sqrt(gaps * (1 - gaps)) or 1.0, _free(f"{feature.name}_missing", taken)
        inputs.append(Input(free, "numeric", 0, gaps, std, missing_of=feature.name))
    return inputs


def _filled_moments(column: FeatureStats) -> tuple[float, float]:
    """Returns mean and standard deviation of a column whose missing values are replaced by the median."""
    gaps, gap = column.missing, column.median - column.mean
    return column.mean + gaps * gap, math.sqrt((1 - gaps) * column.std**2 + gaps * (1 - gaps) * gap**2)


def _free(name: str, taken: set[str | None]) -> str:
    while name in taken:
        name += "_"
    return name

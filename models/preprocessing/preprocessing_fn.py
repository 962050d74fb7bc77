"""Transforms raw columns to the model's inputs: declares each input once, and builds the graph for tf.Transform.

The default features take their constants from the statistics of train, so the graph is built without reading data. A
user's `preprocessing_fn` may use every analyzer of tf.Transform instead.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import tensorflow as tf

from core.spec import PER_SECOND, Feature, Input, Spec
from models.preprocessing import feature_stats, transform_ops, user_preprocessing
from models.preprocessing.feature_stats import FeatureStats

_MISSING = {"int": transform_ops.NO_INTEGER, "float": math.nan, "double": math.nan, "text": ""}
_LONGEST_SEQUENCE = 64
# Columns in one operation: TF Transform's loader follows every output to all of its inputs, so the time to load a graph
# over all columns at once would be quadratic.
_TOGETHER = 32

Inputs = Mapping[str, tf.SparseTensor]
Declared = Mapping[str, tuple[Input, ...]]
Stats = Mapping[str, FeatureStats]


def preprocessing_fn(inputs: Inputs, custom_config: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Returns the transformed features; TF Transform calls it.

    Args:
        inputs: the raw columns, each [batch, values].
        custom_config: `spec`, its JSON; and `statistics`, the path of train's `FeatureStats.pb`, unless the spec
            names a user's `preprocessing_fn`.

    Returns:
        The model's inputs. The label and the weight are read from Examples.
    """
    spec = Spec.from_json(custom_config["spec"])
    if not spec.preprocessing_fn:
        return preprocess(inputs, spec, feature_stats.load(custom_config["statistics"], spec))
    reserved = {spec.label.name, spec.weight or ""}
    return user_preprocessing.call(spec.preprocessing_fn, inputs, custom_config, reserved)


def declare(spec: Spec, stats: Stats) -> dict[str, tuple[Input, ...]]:
    """Returns the inputs that each feature becomes, in the spec's order."""
    taken = {feature.name for feature in spec.features} | {spec.label.name, spec.weight}
    declared = {}
    for feature in spec.features:
        inputs = tuple(_declare(feature, stats[feature.name], taken))
        taken.update(model_input.name for model_input in inputs)
        declared[feature.name] = inputs
    return declared


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
    kind: Literal["tokens", "categorical"] = "tokens" if feature.repeated else "categorical"
    category = Input(feature.name, kind, len(column.vocabulary) + 2, values=column.vocabulary)
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
    for part, period in _periods(column).items():
        free = _free(f"{feature.name}_{part}", taken)
        inputs.append(Input(free, "categorical", period + 1))
        for function in (math.sin, math.cos):
            points = sorted({round(function(2 * math.pi * index / period), 6) for index in range(period)})
            wave = _free(f"{feature.name}_{part}_{function.__name__}", taken)
            inputs.append(Input(wave, "numeric", 0, 0.0, math.sqrt(0.5), tuple(points[1:-1])))
    return inputs


def _periods(column: FeatureStats) -> dict[str, int]:
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


def preprocess(inputs: Inputs, spec: Spec, stats: Stats) -> dict[str, tf.Tensor]:
    """Returns the model's inputs, as `declare` describes them."""
    declared = declare(spec, stats)
    kinds: dict[str, list[Feature]] = {}
    payloads = list(_MISSING)
    # In the order of `_matrix`, which then need not move texts from column to column.
    for feature in sorted(spec.features, key=lambda column: (column.repeated, payloads.index(column.payload))):
        kinds.setdefault(feature.kind, []).append(feature)
    makers: dict[str, Callable[..., dict[str, tf.Tensor]]] = {
        "numeric": _numerics,
        "categorical": _categories,
        "text": _texts,
        "timestamp": _times,
    }
    outputs: dict[str, tf.Tensor] = {}
    for kind, features in kinds.items():
        for start in range(0, len(features), _TOGETHER):
            outputs |= makers[kind](inputs, features[start : start + _TOGETHER], declared, stats)
    return {model_input.name: outputs[model_input.name] for group in declared.values() for model_input in group}


def _matrix(inputs: Inputs, features: Sequence[Feature], text: bool) -> tf.Tensor:
    """Returns columns of one kind side by side, in the order of `features`: strings, or float64 with NaN."""
    parts: list[tf.Tensor] = []
    order: list[str] = []
    for payload, missing in _MISSING.items():
        names = [feature.name for feature in features if feature.payload == payload and not feature.repeated]
        if names:
            stacked = transform_ops.stack([inputs[name] for name in names], missing)
            if not text:
                stacked = transform_ops.numbers(stacked)
            elif payload == "int":
                stacked = transform_ops.texts(stacked)
            parts.append(stacked)
            order += names
    for feature in features:
        if feature.repeated:
            parts.append(
                transform_ops.joined(inputs[feature.name])
                if text
                else transform_ops.mean(inputs[feature.name])[:, None]
            )
            order.append(feature.name)
    matrix = parts[0] if len(parts) == 1 else tf.concat(parts, axis=1)
    wanted = [order.index(feature.name) for feature in features]
    return matrix if wanted == list(range(len(order))) else tf.gather(matrix, wanted, axis=1)


def _numerics(inputs: Inputs, features: Sequence[Feature], declared: Declared, stats: Stats) -> dict[str, tf.Tensor]:
    filled, missing = _filled(inputs, features, stats)
    outputs = {}
    for feature, value, gap in zip(features, tf.unstack(filled, axis=1), tf.unstack(missing, axis=1), strict=True):
        for model_input, tensor in zip(declared[feature.name], (value, gap), strict=False):
            outputs[model_input.name] = tensor
    return outputs


def _filled(inputs: Inputs, features: Sequence[Feature], stats: Stats) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns float32[batch, features]: numbers with the median for missing ones, and 1 where a number is missing."""
    columns = [stats[feature.name] for feature in features]
    offsets = tf.constant([column.offset for column in columns], tf.float64)
    matrix = tf.cast(_matrix(inputs, features, text=False) - offsets, tf.float32)
    return transform_ops.fill(matrix, [column.median for column in columns])


def _categories(inputs: Inputs, features: Sequence[Feature], declared: Declared, stats: Stats) -> dict[str, tf.Tensor]:
    table = transform_ops.Vocabularies({feature.name: stats[feature.name].vocabulary for feature in features})
    outputs = {}
    single = [feature for feature in features if not feature.repeated]
    if single:
        indexes = table.indexes(_matrix(inputs, single, text=True), [feature.name for feature in single])
        outputs = dict(zip((feature.name for feature in single), tf.unstack(indexes, axis=1), strict=True))
    for feature in features:
        if feature.repeated:
            length = min(stats[feature.name].longest, _LONGEST_SEQUENCE)
            outputs[feature.name] = table.sequences(inputs[feature.name], feature.name, length)
    both = [feature for feature in features if feature.also_numeric]
    if both:
        amounts, _ = _filled(inputs, both, stats)
        for feature, amount in zip(both, tf.unstack(amounts, axis=1), strict=True):
            outputs[declared[feature.name][1].name] = amount
    return outputs


def _texts(inputs: Inputs, features: Sequence[Feature], declared: Declared, stats: Stats) -> dict[str, tf.Tensor]:
    hashed = transform_ops.tokens(_matrix(inputs, features, text=True))
    return dict(zip((feature.name for feature in features), tf.unstack(hashed, axis=1), strict=True))


def _times(inputs: Inputs, features: Sequence[Feature], declared: Declared, stats: Stats) -> dict[str, tf.Tensor]:
    matrix = transform_ops.stack([inputs[feature.name] for feature in features], transform_ops.NO_INTEGER)
    units, columns = [feature.unit for feature in features], [stats[feature.name] for feature in features]
    starts = [int(column.offset) for column in columns]
    low = [int(column.offset + column.low) for column in columns]
    high = [int(column.offset + column.high) for column in columns]
    elapsed = tf.unstack(transform_ops.elapsed_days(matrix, units, low, high, starts), axis=1)
    parts = transform_ops.calendar(matrix, units)
    series = {
        part: [tf.unstack(tensor, axis=1) for tensor in (parts[part], *transform_ops.circle(parts[part], period))]
        for part, period in transform_ops.PERIODS.items()
    }
    outputs: dict[str, tf.Tensor] = {}
    for number, (feature, column) in enumerate(zip(features, columns, strict=True)):
        waves = [tensors[number] for part in _periods(column) for tensors in series[part]]
        tensors = [elapsed[number], *waves]
        outputs |= {
            model_input.name: tensor for model_input, tensor in zip(declared[feature.name], tensors, strict=True)
        }
    return outputs


def statistics_path(uri: str, split: str = "train") -> str:
    """Returns where a statistics artifact holds those of a split."""
    return os.path.join(uri, f"Split-{split}", "FeatureStats.pb")

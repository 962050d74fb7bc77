"""Transforms raw columns to the model's inputs: declares each input once, and builds the graph for tf.Transform.

The default features take their constants from the statistics of train, so the graph is built without reading data. A
user's `preprocessing_fn` may use every analyzer of tf.Transform instead.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from core.spec import Feature, Input, Spec
from models.preprocessing import feature_stats, transform_ops, user_preprocessing
from models.preprocessing.feature_stats import FeatureStats

_MISSING = {"int": transform_ops.NO_INTEGER, "float": math.nan, "text": ""}
_LONGEST_SEQUENCE = 64
# Columns in one operation: TF Transform's loader follows every output to all of its inputs, so the time to load a graph
# over all columns at once would be quadratic.
_TOGETHER = 32

Inputs = Mapping[str, tf.SparseTensor]
Declared = Mapping[str, tuple[Input, ...]]
Known = Mapping[str, FeatureStats]


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


def declare(spec: Spec, known: Known) -> dict[str, tuple[Input, ...]]:
    """Returns the inputs that each feature becomes, in the spec's order."""
    taken = {feature.name for feature in spec.features} | {spec.label.name, spec.weight}
    declared = {}
    for feature in spec.features:
        inputs = tuple(_declare(feature, known[feature.name], taken))
        taken.update(model_input.name for model_input in inputs)
        declared[feature.name] = inputs
    return declared


def _declare(feature: Feature, column: FeatureStats, taken: set[str | None]) -> Sequence[Input]:
    name = feature.name
    if feature.kind == "text":
        return [Input(name, "tokens", transform_ops.TOKEN_BUCKETS)]
    if feature.kind == "categorical":
        return [Input(name, "tokens" if feature.repeated else "categorical", len(column.vocabulary) + 2)]
    if feature.kind == "numeric":
        return _declare_number(feature, column, taken)
    inputs = []
    for part, period in transform_ops.PERIODS.items():
        free = _free(f"{name}_{part}", taken)
        inputs.append(Input(free, "categorical", period + 1))
        for function in (math.sin, math.cos):
            points = sorted({round(function(2 * math.pi * index / period), 6) for index in range(period)})
            wave = _free(f"{name}_{part}_{function.__name__}", taken)
            inputs.append(Input(wave, "numeric", 0, 0.0, math.sqrt(0.5), tuple(points[1:-1])))
    return inputs


def _declare_number(feature: Feature, column: FeatureStats, taken: set[str | None]) -> Sequence[Input]:
    """The moments are those of the column once its gaps are filled with the median.

    Those of a repeated column are of its values, although the model sees the mean of a row's values.
    """
    gaps, gap = column.missing, column.median - column.mean
    mean = column.mean + gaps * gap
    std = math.sqrt((1 - gaps) * column.std**2 + gaps * (1 - gaps) * gap**2)
    inputs = [Input(feature.name, "numeric", 0, mean, std or 1.0, column.boundaries)]
    if gaps:
        inputs.append(
            Input(_free(f"{feature.name}_missing", taken), "numeric", 0, gaps, math.sqrt(gaps * (1 - gaps)) or 1.0)
        )
    return inputs


def _free(name: str, taken: set[str | None]) -> str:
    while name in taken:
        name += "_"
    return name


def preprocess(inputs: Inputs, spec: Spec, known: Known) -> dict[str, tf.Tensor]:
    """Returns the model's inputs, as `declare` describes them."""
    declared = declare(spec, known)
    kinds: dict[str, list[Feature]] = {}
    for feature in spec.features:
        kinds.setdefault(feature.kind, []).append(feature)
    makers: dict[str, Callable[..., dict[str, tf.Tensor]]] = {
        "numeric": _numerics,
        "categorical": _categories,
        "text": _texts,
        "timestamp": _moments,
    }
    outputs: dict[str, tf.Tensor] = {}
    for kind, features in kinds.items():
        for start in range(0, len(features), _TOGETHER):
            outputs |= makers[kind](inputs, features[start : start + _TOGETHER], declared, known)
    return {model_input.name: outputs[model_input.name] for group in declared.values() for model_input in group}


def _matrix(inputs: Inputs, features: Sequence[Feature], text: bool) -> tf.Tensor:
    """Returns columns of one kind side by side, in the order of `features`: strings, or float32 with NaN."""
    parts: list[tf.Tensor] = []
    order: list[str] = []
    for payload, missing in _MISSING.items():
        names = [feature.name for feature in features if feature.payload == payload and not feature.repeated]
        if names:
            stacked = transform_ops.stack([inputs[name] for name in names], missing)
            if payload == "int":
                stacked = transform_ops.texts(stacked) if text else transform_ops.numbers(stacked)
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


def _numerics(inputs: Inputs, features: Sequence[Feature], declared: Declared, known: Known) -> dict[str, tf.Tensor]:
    matrix = _matrix(inputs, features, text=False)
    filled, missing = transform_ops.fill(matrix, [known[feature.name].median for feature in features])
    outputs = {}
    for feature, value, gap in zip(features, tf.unstack(filled, axis=1), tf.unstack(missing, axis=1), strict=True):
        for model_input, tensor in zip(declared[feature.name], (value, gap), strict=False):
            outputs[model_input.name] = tensor
    return outputs


def _categories(inputs: Inputs, features: Sequence[Feature], declared: Declared, known: Known) -> dict[str, tf.Tensor]:
    table = transform_ops.Vocabularies({feature.name: known[feature.name].vocabulary for feature in features})
    outputs = {}
    single = [feature for feature in features if not feature.repeated]
    if single:
        indexes = table.indexes(_matrix(inputs, single, text=True), [feature.name for feature in single])
        outputs = dict(zip((feature.name for feature in single), tf.unstack(indexes, axis=1), strict=True))
    for feature in features:
        if feature.repeated:
            length = min(known[feature.name].longest, _LONGEST_SEQUENCE)
            outputs[feature.name] = table.sequences(inputs[feature.name], feature.name, length)
    return outputs


def _texts(inputs: Inputs, features: Sequence[Feature], declared: Declared, known: Known) -> dict[str, tf.Tensor]:
    hashed = transform_ops.tokens(_matrix(inputs, features, text=True))
    return dict(zip((feature.name for feature in features), tf.unstack(hashed, axis=1), strict=True))


def _moments(inputs: Inputs, features: Sequence[Feature], declared: Declared, known: Known) -> dict[str, tf.Tensor]:
    matrix = transform_ops.stack([inputs[feature.name] for feature in features], transform_ops.NO_INTEGER)
    parts = transform_ops.calendar(matrix, [feature.unit for feature in features])
    series: list[list[tf.Tensor]] = []
    for part, period in transform_ops.PERIODS.items():
        series += [tf.unstack(tensor, axis=1) for tensor in (parts[part], *transform_ops.circle(parts[part], period))]
    return {
        model_input.name: tensors[number]
        for number, feature in enumerate(features)
        for model_input, tensors in zip(declared[feature.name], series, strict=True)
    }


def statistics_path(uri: str, split: str = "train") -> str:
    """Returns where a statistics artifact holds those of a split."""
    return os.path.join(uri, f"Split-{split}", "FeatureStats.pb")

"""Transforms raw columns to the model's inputs: builds the graph for tf.Transform, and the same over packed columns.

The default features take their constants from the statistics of train, so the graph is built without reading data. A
user's `preprocessing_fn` may use every analyzer of tf.Transform instead.
"""

import functools
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from core.spec import Feature, Input, Spec
from models.preprocessing import feature_stats, model_inputs, raw_columns, transform_ops, user_preprocessing
from models.preprocessing.feature_stats import FeatureStats
from models.preprocessing.packing import pack
from models.preprocessing.raw_columns import ByName, RawColumns, Together
from models.preprocessing.transform_ops import Vocabularies

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


def preprocess(inputs: Inputs, spec: Spec, stats: Stats) -> dict[str, tf.Tensor]:
    """Returns the model's inputs, as `declare` describes them, given raw columns by name."""
    found: dict[str, tf.Tensor] = {}
    for names, matrix in _transformed(ByName(inputs), spec, stats, _TOGETHER):
        found |= dict(zip(names, tf.unstack(matrix, axis=1), strict=True))
    return {model_input.name: found[model_input.name] for model_input in model_inputs.of(spec, stats)}


class Packed(tf.Module):
    """The same from raw columns to packed features, without a tensor for each column: see `packing.pack`.

    Attributes:
        function: takes the parts of `RawColumns`.
    """

    def __init__(self, spec: Spec, stats: Stats) -> None:
        super().__init__()
        self._tables: list[tf.Module] = []  # a SavedModel holds only what is an attribute

        def packed(*raw: Any) -> dict[str, tf.Tensor]:
            columns = Together(RawColumns(*raw), spec.features, self._tables)
            return pack(model_inputs.of(spec, stats), _transformed(columns, spec, stats, max(1, len(spec.features))))

        self.function = tf.function(packed, input_signature=raw_columns.specs(spec.features), autograph=False)


def _columns(matrix: tf.Tensor, has: Sequence[Feature], wanted: Sequence[Feature]) -> tf.Tensor:
    """Returns the columns of some features out of a matrix of others."""
    order = {feature.name: place for place, feature in enumerate(has)}
    return raw_columns.take(matrix, [order[feature.name] for feature in wanted])


Transformed = list[tuple[Sequence[str], tf.Tensor]]  # matrices with the names of their columns


def _transformed(columns: ByName | Together, spec: Spec, stats: Stats, together: int) -> Transformed:
    """Returns the inputs of the model, with so many features in one operation."""
    declared = model_inputs.declare(spec, stats)
    makers = {"numeric": _numerics, "categorical": _categories, "text": _texts, "timestamp": _times}
    kinds: dict[str, list[Feature]] = {}
    for feature in spec.features:
        kinds.setdefault(feature.kind, []).append(feature)
    outputs: Transformed = []
    for kind, features in kinds.items():
        for start in range(0, len(features), together):
            outputs += makers[kind](columns, features[start : start + together], declared, stats)
    return outputs


def _numerics(columns: ByName | Together, features: Sequence[Feature], declared: Declared, stats: Stats) -> Transformed:
    (filled, missing), order = _filled(columns, features, stats)
    gaps = [feature for feature in order if len(declared[feature.name]) > 1]
    outputs: Transformed = [([feature.name for feature in order], filled)]
    if gaps:
        outputs.append(([declared[feature.name][1].name for feature in gaps], _columns(missing, order, gaps)))
    return outputs


def _filled(
    columns: ByName | Together, features: Sequence[Feature], stats: Stats
) -> tuple[tuple[tf.Tensor, tf.Tensor], Sequence[Feature]]:
    """Returns float32[batch, features]: numbers with the median for missing ones, and 1 where a number is missing.

    Their order comes last.
    """
    single = raw_columns.together(features).values()
    parts, order = [transform_ops.numbers(columns.matrix(alike)) for alike in single], [*itertools.chain(*single)]
    for feature in features:
        if feature.repeated:
            parts.append(transform_ops.mean(columns.values(feature))[:, None])
            order.append(feature)
    known = [stats[feature.name] for feature in order]
    matrix = parts[0] if len(parts) == 1 else tf.concat(parts, axis=1)
    offsets = tf.constant([column.offset for column in known], tf.float64)
    return transform_ops.fill(tf.cast(matrix - offsets, tf.float32), [column.median for column in known]), order


def _categories(
    columns: ByName | Together, features: Sequence[Feature], declared: Declared, stats: Stats
) -> Transformed:
    outputs: Transformed = []
    for whole in (True, False):
        alike = [feature for feature in features if (feature.payload == "int") == whole]
        if not alike:
            continue
        table = columns.made(
            functools.partial(
                Vocabularies,
                {feature.name: stats[feature.name].vocabulary for feature in alike},
                {feature.name: stats[feature.name].hash_buckets for feature in alike},
                whole_numbers=whole,
            )
        )
        single = [feature for feature in alike if not feature.repeated]
        if single:
            names = [feature.name for feature in single]
            outputs.append((names, table.indexes(columns.matrix(single), names)))
        for feature in alike:
            if feature.repeated:
                length = min(stats[feature.name].longest, _LONGEST_SEQUENCE)
                sequence = table.sequences(columns.values(feature), feature.name, length)
                outputs.append(([feature.name], sequence[:, None]))
    both = [feature for feature in features if feature.also_numeric]
    if both:
        (amounts, _), order = _filled(columns, both, stats)
        outputs.append(([declared[feature.name][1].name for feature in order], amounts))
    return outputs


def _texts(columns: ByName | Together, features: Sequence[Feature], declared: Declared, stats: Stats) -> Transformed:
    single = [feature for feature in features if not feature.repeated]
    parts = [columns.matrix(single)] if single else []
    repeated = [feature for feature in features if feature.repeated]
    parts += [transform_ops.joined(columns.values(feature)) for feature in repeated]
    names = [feature.name for feature in (*single, *repeated)]
    return [(names, transform_ops.tokens(parts[0] if len(parts) == 1 else tf.concat(parts, axis=1)))]


def _times(columns: ByName | Together, features: Sequence[Feature], declared: Declared, stats: Stats) -> Transformed:
    matrix = columns.matrix(features)
    units, known = [feature.unit for feature in features], [stats[feature.name] for feature in features]
    starts = [int(column.offset) for column in known]
    low = [int(column.offset + column.low) for column in known]
    high = [int(column.offset + column.high) for column in known]
    elapsed = transform_ops.elapsed_days(matrix, units, low, high, starts)
    outputs: Transformed = [([declared[feature.name][0].name for feature in features], elapsed)]
    parts = transform_ops.calendar(matrix, units)
    for part, period in transform_ops.PERIODS.items():
        having = [feature for feature in features if part in model_inputs.periods(stats[feature.name])]
        if having:
            indexes = _columns(parts[part], features, having)
            first = [1 + 3 * list(model_inputs.periods(stats[feature.name])).index(part) for feature in having]
            for place, tensor in enumerate((indexes, *transform_ops.circle(indexes, period))):
                names = [declared[feature.name][at + place].name for feature, at in zip(having, first, strict=True)]
                outputs.append((names, tensor))
    return outputs


def statistics_path(uri: str, split: str = "train") -> str:
    """Returns where a statistics artifact holds those of a split."""
    return os.path.join(uri, f"Split-{split}", "FeatureStats.pb")

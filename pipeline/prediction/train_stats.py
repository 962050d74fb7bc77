"""Reads the values of each feature in train, out of the statistics that were pushed with a model."""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from core.spec import Feature, Spec, plausible_moments
from models.preprocessing import feature_stats
from models.serving import model_versions

FAR_WIDTHS = 10  # numbers lie far beyond a range from so many times its width
NEW_MOMENTS = np.timedelta64(366, "D")  # moments move on: their range is widened by this, or by its width if larger

Range = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class TrainStats:
    """The values of a feature in train.

    Attributes:
        feature: the feature.
        missing: the share of the rows without a value.
        categories: categorical only: the values with an index of their own.
        unseen: categorical only: the share of other values to expect in new rows.
        values: numbers and moments only: the smallest and the largest value.
        accepted: the range outside which a value is counted.
        near: the range outside which a value is far.
    """

    feature: Feature
    missing: float
    categories: tuple[str, ...] = ()
    unseen: float = 0.0
    values: Range | None = None
    accepted: Range = (-math.inf, math.inf)
    near: Range = (-math.inf, math.inf)

    @classmethod
    def of(
        cls,
        feature: Feature,
        constants: feature_stats.FeatureStats,
        statistics: statistics_pb2.FeatureNameStatistics,
    ) -> "TrainStats":
        """Returns the values of a feature, out of the constants of preprocessing and the statistics of train."""
        if feature.kind == "categorical":
            unseen = _unseen(feature, statistics.string_stats)
            return cls(feature, constants.missing, constants.vocabulary, unseen)
        low, high = statistics.num_stats.min, statistics.num_stats.max
        if not statistics.num_stats.common_stats.tot_num_values or not math.isfinite(high - low):
            return cls(feature, constants.missing)
        width = high - low
        new, near = 0.0, (low - FAR_WIDTHS * width, high + FAR_WIDTHS * width)
        if feature.kind == "timestamp":
            new = max(width, NEW_MOMENTS / np.timedelta64(1, feature.unit))
            near = plausible_moments((low, high), feature.unit)
        accepted = (low - new, high + new)
        return cls(feature, constants.missing, values=(low, high), accepted=accepted, near=near)

    @property
    def vocabulary(self) -> pa.Array:
        """The categories as Examples hold them."""
        if self.feature.payload == "int":
            return pa.array([int(category) for category in self.categories], pa.int64())
        return pa.array([category.encode() for category in self.categories], pa.large_binary())


def read(version: Path, spec: Spec) -> tuple[TrainStats, ...]:
    """Returns the values of every feature; none where the model was pushed without statistics.

    Raises:
        UserError: the statistics do not cover a feature.
    """
    path = version / model_versions.STATISTICS_FOLDER / "Split-train" / "FeatureStats.pb"
    if not path.exists():
        return ()
    constants = feature_stats.load(str(path), spec)
    train = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets[0]
    statistics = {column.path.step[0]: column for column in train.features}
    return tuple(TrainStats.of(column, constants[column.name], statistics[column.name]) for column in spec.features)


def moment_bounds(features: Iterable[TrainStats]) -> dict[str, tuple[int, int]]:
    """Returns the least and the greatest whole number that each feature of moments can be."""
    moments = (train for train in features if train.feature.kind == "timestamp" and train.values)
    return {train.feature.name: (int(train.near[0]), int(train.near[1])) for train in moments}


def vocabularies(features: Iterable[TrainStats]) -> dict[str, tuple[str, ...]]:
    """Returns the categories of each categorical feature of texts."""
    texts = (train for train in features if (train.feature.kind, train.feature.payload) == ("categorical", "text"))
    return {train.feature.name: train.categories for train in texts}


def _unseen(feature: Feature, statistics: statistics_pb2.StringStatistics) -> float:
    """Returns the share of values outside the vocabulary to expect in new rows.

    That is the share of the values that occur once in train, as Good and Turing estimate it, or the share of those
    that the vocabulary leaves out, if that is larger.
    """
    counts = sorted((bucket.sample_count for bucket in statistics.rank_histogram.buckets if bucket.label), reverse=True)
    total = statistics.common_stats.tot_num_values
    return float(max(counts.count(1.0), total - sum(counts[: feature.vocabulary])) / total) if total else 1.0

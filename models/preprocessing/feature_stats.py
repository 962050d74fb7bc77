"""Reads the constants of preprocessing from the statistics of train: vocabularies, quantiles and moments."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from core.errors import UserError
from core.precision import needs_float64
from core.spec import PER_SECOND, Feature, Label, Spec
from models.preprocessing.robust_moments import RobustMoments

# The custom statistics of a numeric feature that the project's StatisticsGen adds; they are of the finite values.
COUNT = "finite_count"
MEAN = "finite_mean"
STD = "finite_std_dev"
QUANTILES = "finite_quantiles"

_MOST_HASH_BUCKETS = 1_000


@dataclasses.dataclass(frozen=True)
class FeatureStats:
    """The constants of one raw column.

    Those of numbers and moments in time are of the finite values minus `offset`. Mean and standard deviation leave out
    an outlier that is far from all other values.

    Attributes:
        vocabulary: the most frequent values as text, the most frequent first; empty for numbers.
        hash_buckets: how many indexes the values outside of the vocabulary share by their hash: one where train has no
            such values.
        offset: the median where the values are not to be rounded to float32 as they are, else 0.
        mean: the mean.
        std: the standard deviation.
        median: the median, 0 without a value.
        low: the least value.
        high: the greatest value.
        outlier: the value that is farthest from the median, without the offset subtracted; None without outliers.
        boundaries: growing quantiles as float32 holds them, without the ends.
        dates: moments in time only: whether all of them are midnight.
        missing: the share of the rows without a finite value, from 0 to 1.
        longest: the largest number of values of a row.
    """

    vocabulary: tuple[str, ...] = ()
    hash_buckets: int = 1
    offset: float = 0.0
    mean: float = 0.0
    std: float = 0.0
    median: float = 0.0
    low: float = 0.0
    high: float = 0.0
    outlier: float | None = None
    boundaries: tuple[float, ...] = ()
    dates: bool = False
    missing: float = 0.0
    longest: int = 1


def load(path: str, spec: Spec) -> dict[str, FeatureStats]:
    """Returns the constants of every feature from a `FeatureStats.pb` of train.

    Raises:
        UserError: the statistics do not cover a feature, or hold it as another kind.
    """
    train, found = _read(path)
    return {feature.name: _column(feature, found, train.num_examples) for feature in spec.features}


def load_label(path: str, label: Label) -> FeatureStats:
    """Returns the constants of the label of a regression."""
    train, found = _read(path)
    return _column(Feature(label.name, "numeric", label.payload), found, train.num_examples)


def _read(
    path: str,
) -> tuple[statistics_pb2.DatasetFeatureStatistics, dict[str, statistics_pb2.FeatureNameStatistics]]:
    """Returns the statistics of train, and those of each column by its name."""
    with open(path, "rb") as file:
        train = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets[0]
    return train, {field.path.step[0] if field.path.step else field.name: field for field in train.features}


def _column(
    feature: Feature, found: Mapping[str, statistics_pb2.FeatureNameStatistics], num_examples: int
) -> FeatureStats:
    if feature.name not in found:
        raise UserError(f"The statistics hold nothing about feature {feature.name!r}. Run again from StatisticsGen.")
    statistics = found[feature.name]
    kind = statistics.WhichOneof("stats")
    common = getattr(statistics, kind).common_stats
    missing = 1 - common.num_non_missing / max(num_examples, 1)
    longest = max(int(common.max_num_values), 1)
    if feature.kind == "categorical":
        if kind != "string_stats":
            raise UserError(
                f"The statistics hold feature {feature.name!r} as numbers, and categories were expected. "
                "Make them by the project's StatisticsGen, which counts integer categories."
            )
        vocabulary = _vocabulary(statistics.string_stats, feature)
        capped = len(vocabulary) == feature.vocabulary
        beyond = statistics.string_stats.unique - len(vocabulary) if capped else 0
        amounts = _amounts(statistics.string_stats, feature, missing) if feature.also_numeric else FeatureStats()
        return dataclasses.replace(
            amounts,
            vocabulary=vocabulary,
            hash_buckets=min(max(beyond, 1), _MOST_HASH_BUCKETS),
            missing=missing,
            longest=longest,
        )
    if feature.kind in ("numeric", "timestamp") and kind == "num_stats":
        return _numbers(statistics, feature, missing, longest)
    return FeatureStats(missing=missing, longest=longest)


def _vocabulary(statistics: statistics_pb2.StringStatistics, feature: Feature) -> tuple[str, ...]:
    """The rank histogram holds more values than the top values do. The empty text means missing, not a value."""
    ranked = [(bucket.sample_count, bucket.label) for bucket in statistics.rank_histogram.buckets if bucket.label]
    ranked.sort(reverse=True)
    return tuple(label for _, label in ranked[: feature.vocabulary])


def _amounts(statistics: statistics_pb2.StringStatistics, feature: Feature, missing: float) -> FeatureStats:
    """Returns the constants of the counted whole numbers of a categorical feature."""
    buckets = [bucket for bucket in statistics.rank_histogram.buckets if bucket.label]
    counted = sorted((int(bucket.label), bucket.sample_count) for bucket in buckets)
    values, counts = np.array(counted, np.float64).reshape(-1, 2).T
    if not len(values):
        return FeatureStats(missing=missing)
    mean = float(np.average(values, weights=counts))
    std = float(np.average((values - mean) ** 2, weights=counts)) ** 0.5
    shares = np.linspace(0, 1, feature.buckets + 1)
    edges = np.quantile(values, shares, weights=counts, method="inverted_cdf")
    return constants(feature, edges, mean, std, missing)


def _numbers(
    statistics: statistics_pb2.FeatureNameStatistics, feature: Feature, missing: float, longest: int
) -> FeatureStats:
    """Takes infinities for missing, as the graph does."""
    own = {statistic.name: statistic for statistic in statistics.custom_stats}
    present = statistics.num_stats.common_stats.tot_num_values
    if COUNT in own:
        count, mean, std = own[COUNT].num, own[MEAN].num if MEAN in own else 0.0, own[STD].num if STD in own else 0.0
        edges = _edges(own[QUANTILES].histogram) if QUANTILES in own else np.array([])
    else:
        count, mean, std, edges = _stock_numbers(statistics.num_stats)
    missing += (1 - missing) * (1 - count / present) if present else 1 - missing
    return dataclasses.replace(constants(feature, edges, mean, std, missing), longest=longest)


def constants(feature: Feature, edges: np.ndarray, mean: float, std: float, missing: float) -> FeatureStats:
    """Returns the constants of numbers out of their moments and their quantiles of equal weight."""
    moments = RobustMoments.of(edges, mean, std)
    median = float(np.median(edges)) if len(edges) else 0.0
    # A timestamp counts seconds or less from 1970, and float32 holds no more of it than the day.
    wide = len(edges) > 0 and needs_float64(*np.percentile(edges, [10, 90]))
    offset = float(round(median)) if feature.kind == "timestamp" or wide else 0.0
    return FeatureStats(
        offset=offset,
        mean=moments.mean - offset,
        std=moments.std,
        median=median - offset,
        low=float(edges[0]) - offset if len(edges) else 0.0,
        high=float(edges[-1]) - offset if len(edges) else 0.0,
        outlier=moments.outlier,
        boundaries=_boundaries(edges - offset, feature.buckets),
        dates=feature.kind == "timestamp" and not (edges % (86_400 * PER_SECOND[feature.unit])).any(),
        missing=missing,
    )


def _stock_numbers(statistics: statistics_pb2.NumericStatistics) -> tuple[float, float, float, np.ndarray]:
    """Returns count, mean, standard deviation and quantile edges of the finite values, out of TFDV's own statistics.

    Infinities make TFDV's moments infinite, and then they are estimated from the finite quantiles.
    """
    histograms = [
        histogram for histogram in statistics.histograms if histogram.type == statistics_pb2.Histogram.QUANTILES
    ]
    edges = _edges(histograms[0]) if histograms else np.array([])
    finite = edges[np.isfinite(edges)]
    count = statistics.common_stats.tot_num_values - (histograms[0].num_nan if histograms else 0)
    if len(finite) == len(edges):
        return count, statistics.mean, statistics.std_dev, edges
    count *= len(finite) / len(edges)
    return count, *((float(finite.mean()), float(finite.std())) if len(finite) else (0.0, 0.0)), finite


def _edges(histogram: statistics_pb2.Histogram) -> np.ndarray:
    buckets = histogram.buckets
    return np.array([buckets[0].low_value, *(bucket.high_value for bucket in buckets)]) if buckets else np.array([])


def _boundaries(edges: np.ndarray, buckets: int) -> tuple[float, ...]:
    """Chooses the edges between `buckets` bins of equal weight out of finer ones."""
    if len(edges) < 3:
        return ()
    chosen = np.round(np.linspace(0, len(edges) - 1, min(buckets, len(edges) - 1) + 1)).astype(int)
    with np.errstate(over="ignore"):  # infinity is not between the ends
        inner = np.unique(edges[chosen].astype(np.float32))
        low, high = np.float32(edges[0]), np.float32(edges[-1])
    return tuple(float(edge) for edge in inner if low < edge < high)

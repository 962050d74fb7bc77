import itertools
import math

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from core.errors import UserError
from core.spec import Feature, Label, Spec
from models.preprocessing import feature_stats

LABEL = Label("late", "binary", "int", ("0", "1"))


def write(path, features, num_examples=4):
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = statistics.datasets.add(num_examples=num_examples)
    for name, feature in features.items():
        dataset.features.add().CopyFrom(feature)
        dataset.features[-1].path.step.append(name)
    path.write_bytes(statistics.SerializeToString())
    return str(path)


def category(counts, num_non_missing):
    feature = statistics_pb2.FeatureNameStatistics()
    feature.string_stats.common_stats.num_non_missing = num_non_missing
    for label, count in counts.items():
        feature.string_stats.rank_histogram.buckets.add(label=label, sample_count=count)
    return feature


def number(edges, mean, std, count, num_nan=0):
    feature = statistics_pb2.FeatureNameStatistics()
    stats = feature.num_stats
    stats.mean, stats.std_dev, stats.min, stats.max = mean, std, edges[0], edges[-1]
    stats.common_stats.num_non_missing = stats.common_stats.tot_num_values = count
    histogram = stats.histograms.add(type=statistics_pb2.Histogram.QUANTILES, num_nan=num_nan)
    for low, high in itertools.pairwise(edges):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=1)
    return feature


def load(path, feature, statistics):
    return feature_stats.load(write(path / "stats.pb", {feature.name: statistics}), Spec(LABEL, (feature,)))[
        feature.name
    ]


def test_vocabulary_is_ordered_by_count_then_value_as_tf_transform_does(tmp_path):
    column = load(
        tmp_path, Feature("town", "categorical", "text"), category({"a": 1, "": 9, "c": 1, "b": 2}, num_non_missing=3)
    )
    assert column.vocabulary == ("b", "c", "a"), "the empty text is missing, not a value"
    assert column.missing == 0.25


def test_categories_have_the_moments_of_their_amounts_where_these_are_an_input(tmp_path):
    """The values are 1, 1, 2, 6 with two rows missing: mean 2.5, variance (2.25 + 2.25 + 0.25 + 12.25) / 4."""
    feature = Feature("rooms", "categorical", "int", buckets=2, also_numeric=True)
    counted = category({"1": 2, "2": 1, "6": 1}, num_non_missing=4)
    column = feature_stats.load(write(tmp_path / "s.pb", {"rooms": counted}, 6), Spec(LABEL, (feature,)))["rooms"]
    assert column.vocabulary == ("1", "6", "2")
    assert (column.mean, column.std) == (2.5, pytest.approx(math.sqrt(4.25)))
    assert column.missing == pytest.approx(1 / 3)
    assert (column.low, column.median, column.high) == (1, 1, 6), "the quantiles are values that occur"


def test_vocabulary_is_cut(tmp_path):
    feature = Feature("town", "categorical", "text", vocabulary=2)
    column = load(tmp_path, feature, category({"a": 1, "b": 3, "c": 2}, 4))
    assert column.vocabulary == ("b", "c")
    assert column.hash_buckets == 1


@pytest.mark.parametrize(("unique", "buckets"), [(2, 1), (3, 1), (5, 3), (5_000, 1_000)])
def test_values_outside_of_the_vocabulary_share_hash_buckets(tmp_path, unique, buckets):
    counted = category({"a": 1, "b": 3, "c": 2}, 4)
    counted.string_stats.unique = unique
    assert load(tmp_path, Feature("town", "categorical", "text", vocabulary=2), counted).hash_buckets == buckets
    assert load(tmp_path, Feature("town", "categorical", "text", vocabulary=4), counted).hash_buckets == 1


def test_numbers_of_stock_statistics(tmp_path):
    column = load(
        tmp_path, Feature("x", "numeric", "float", buckets=2), number([0, 1, 2, 3, 8], 2.8, 2.5, 3, num_nan=1)
    )
    assert (column.mean, column.std, column.median, column.boundaries) == (2.8, 2.5, 2, (2,))
    assert column.missing == pytest.approx(0.5), "one row without a value, and one NaN"


def test_constants_are_relative_to_the_median_where_float32_would_round_the_values(tmp_path):
    edges = [1.39e9 - 60, 1.39e9 - 1, 1.39e9, 1.39e9 + 3, 1.39e9 + 60]
    column = load(tmp_path, Feature("x", "numeric", "double"), number(edges, 1.39e9 + 0.25, 55, 4))
    assert (column.offset, column.mean, column.median, column.std) == (1.39e9, 0.25, 0, 55)
    assert column.boundaries == (-1, 0, 3)


@pytest.mark.parametrize("outlier", [-3.4e38, 9.97e36, 1e30])
def test_an_outlier_is_named_and_is_not_in_the_scale(tmp_path, outlier):
    edges = sorted([1.0, 2.0, 3.0, 4.0, outlier])
    column = load(tmp_path, Feature("x", "numeric", "float"), number(edges, outlier / 5, abs(outlier) / 2, 5))
    assert (column.outlier, column.mean, column.offset) == (outlier, 2.5, 0)
    assert column.std == pytest.approx(1.25**0.5)


def test_moments_in_time(tmp_path):
    day = 86_400
    feature = Feature("at", "timestamp", "int", unit="s")
    column = load(tmp_path, feature, number([day, 3 * day, 5 * day], 3 * day, 2 * day, 3))
    assert (column.offset, column.low, column.high, column.mean) == (3 * day, -2 * day, 2 * day, 0)
    assert column.dates
    assert not load(tmp_path, feature, number([day, 3 * day + 1, 5 * day], 3 * day, 2 * day, 3)).dates


def test_infinities_in_stock_statistics_leave_finite_moments(tmp_path):
    column = load(tmp_path, Feature("x", "numeric", "float"), number([1, 2, 3, math.inf], math.inf, math.nan, 4))
    assert (column.mean, column.median, column.boundaries) == (2, 2, (2,))
    assert column.std == pytest.approx(math.sqrt(2 / 3))
    assert column.missing == pytest.approx(0.25)


def test_a_column_without_values(tmp_path):
    feature = statistics_pb2.FeatureNameStatistics()
    feature.num_stats.common_stats.num_missing = 4
    column = load(tmp_path, Feature("x", "numeric", "float"), feature)
    assert column == feature_stats.FeatureStats(missing=1.0)


def test_boundaries_grow_as_float32_holds_them(tmp_path):
    column = load(tmp_path, Feature("x", "numeric", "float", buckets=8), number([1, 1, 2, 2 + 1e-9, 5, 7, 7], 3, 1, 4))
    assert column.boundaries == (2, 5)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (Feature("y", "numeric", "float"), "hold nothing about feature 'y'"),
        (Feature("x", "categorical", "float"), "feature 'x' as numbers, and categories were expected"),
    ],
)
def test_statistics_that_do_not_cover_a_feature(tmp_path, feature, expected):
    path = write(tmp_path / "stats.pb", {"x": number([0, 1], 0.5, 0.5, 4)})
    with pytest.raises(UserError, match=expected):
        feature_stats.load(path, Spec(LABEL, (feature,)))

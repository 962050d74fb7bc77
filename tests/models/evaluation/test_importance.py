"""Tests the importance of the features of formula models."""

import numpy as np
import pytest

from models.evaluation import importance


def columns(number_of_features, rows=200):
    random = np.random.default_rng(3)
    return {f"x{index}": random.normal(size=rows) for index in range(number_of_features)}


def of(given, predict, labels, task="regression"):
    found = importance.by_permutation(predict, given, task, labels, np.ones(len(labels)), predict(given))
    return {one.feature: one for one in found}


def test_feature_that_the_model_does_not_read_has_none():
    given = columns(2)
    found = of(given, lambda rows: 3 * rows["x1"], 3 * given["x1"])
    assert list(found) == ["x1", "x0"]
    assert (found["x0"].loss, found["x0"].half_width) == (0, 0)
    # Shuffled, the root mean squared error of 3x is 3 · sqrt(2) standard deviations.
    assert found["x1"].loss == pytest.approx(3 * np.sqrt(2), rel=0.1)
    assert 0 < found["x1"].half_width < 1


def test_of_many_features_only_those_of_the_best_groups_are_shuffled_one_by_one():
    given = columns(150)
    calls = []

    def predict(rows):
        calls.append(rows)
        return rows["x77"] + 0.1 * rows["x3"]

    found = of(given, predict, given["x77"])
    assert next(iter(found)) == "x77"
    assert len(found) == importance.MAX_SINGLE
    assert len(calls) <= 1 + 48 + 48 * 5


@pytest.mark.parametrize(("features", "rows"), [(1, 10_000), (16, 10_000), (100, 3_125), (5_000, 200)])
def test_wide_table_has_fewer_rows(features, rows):
    assert importance.num_rows(features) == rows


def test_sample_of_one_class_is_measured_by_log_loss():
    given = columns(1)

    def predict(rows):
        positive = 1 / (1 + np.exp(-rows["x0"]))
        return np.stack([1 - positive, positive], axis=1)

    found = of(given, predict, np.ones(200, np.int64), "binary")
    assert found["x0"].loss == pytest.approx(0, abs=1e-9), "shuffling the scores of one class changes no mean"

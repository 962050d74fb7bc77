"""Tests the width of the intervals against formulas."""

import numpy as np
import pytest

from models.evaluation import metric_intervals


def test_interval_of_a_mean_is_that_of_the_normal_approximation():
    labels = np.zeros(40_000)
    predictions = np.random.default_rng(1).normal(size=40_000)
    found = metric_intervals.half_widths("regression", labels, np.abs(predictions), np.ones(40_000))
    # The standard deviation of |normal| is sqrt(1 - 2 / pi); 20 groups estimate it within about a third.
    assert found["mae"] == pytest.approx(2 * np.sqrt((1 - 2 / np.pi) / 40_000), rel=0.35)
    assert "r2" not in found, "the label is constant"


def test_model_that_says_the_same_of_every_row_has_an_exact_area_under_the_curve():
    labels = np.array([0, 1] * 50)
    assert metric_intervals.half_widths("binary", labels, np.full((100, 2), 0.5), np.ones(100))["auc"] == 0


def test_few_rows_have_no_interval():
    assert metric_intervals.half_widths("regression", np.arange(19.0), np.arange(19.0), np.ones(19)) == {}
    weights = np.array([1.0] * 19 + [0.0] * 10)
    assert metric_intervals.half_widths("regression", np.arange(29.0), np.arange(29.0), weights) == {}

"""Tests the intervals of differences against formulas."""

import numpy as np
import pytest

from models.evaluation import paired_bootstrap
from models.evaluation.model_comparison import ModelPredictions


def test_difference_of_mean_errors_has_the_interval_of_paired_rows():
    random = np.random.default_rng(5)
    labels, noise = np.zeros(2_000), np.abs(random.normal(size=2_000))
    by_model = {"a": 1 + noise, "b": 1.5 + noise, "c": 1 + noise[::-1]}
    rows = ModelPredictions(labels, np.ones(2_000), by_model)
    found = paired_bootstrap.differences("regression", rows, "a")
    assert list(found) == ["b", "c"]
    always = found["b"]["mae"]
    assert (always.value, always.low, always.high) == pytest.approx((0.5, 0.5, 0.5)), "the same on every row"
    unpaired = found["c"]["mae"]
    # Two independent means of |normal|: 1.96 · sqrt(2 · (1 - 2 / pi) / 2000).
    assert unpaired.high - unpaired.low == pytest.approx(2 * 1.96 * np.sqrt(2 * (1 - 2 / np.pi) / 2_000), rel=0.25)
    assert unpaired.low < 0 < unpaired.high
    assert "r2" not in found["b"], "the label is constant"


def test_rows_without_weight_do_not_count():
    rows = ModelPredictions(
        np.zeros(100), np.array([1.0, 0.0] * 50), {"a": np.ones(100), "b": np.array([2.0, 50.0] * 50)}
    )
    assert paired_bootstrap.differences("regression", rows, "a")["b"]["mae"].value == 1

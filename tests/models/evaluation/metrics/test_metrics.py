"""Metrics against values worked out by hand."""

import numpy as np
import pytest

from core.errors import GateError
from models.evaluation import metrics


def test_binary():
    labels = np.array([0, 0, 1, 1])
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]], np.float32)
    found = metrics.compute("binary", labels, scores)
    # Of the 4 pairs, only (row 2, row 3) is in the wrong order; ranked 0.8+, 0.6-, 0.5+: precision 1 and 2/3.
    assert found["auc"] == 0.75
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["accuracy"] == 0.5
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.25 + 0.04) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.5, 0.8]).mean())


def test_binary_takes_the_positive_probability_alone():
    labels, positive = np.array([0, 1]), np.array([0.25, 0.75])
    both = np.stack([1 - positive, positive], axis=1)
    assert metrics.compute("binary", labels, positive) == metrics.compute("binary", labels, both)


def test_multiclass():
    scores = np.array([[0.6, 0.2, 0.2], [0.3, 0.4, 0.3], [0.5, 0.4, 0.1]], np.float32)
    found = metrics.compute("multiclass", np.array([0, 1, 1]), scores)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["log_loss"] == pytest.approx(-np.log([0.6, 0.4, 0.4]).mean())
    assert found["macro_f1"] == pytest.approx(2 / 3)  # class 0: 1/2 and 1, class 1: 1 and 1/2


def test_regression():
    found = metrics.compute("regression", np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0]))
    assert found == pytest.approx({"rmse": 3**0.5, "mae": 1.0, "r2": 1 - 9 / 2})


def test_weights_count_rows_and_leave_out_those_of_zero():
    weighted = metrics.compute(
        "regression", np.array([1.0, 2.0, 9.0]), np.array([2.0, 2.0, 0.0]), np.array([3.0, 1.0, 0.0])
    )
    repeated = metrics.compute("regression", np.array([1.0, 1.0, 1.0, 2.0]), np.array([2.0, 2.0, 2.0, 2.0]))
    assert weighted == pytest.approx(repeated)


def test_what_the_rows_do_not_define_is_left_out():
    one_class = metrics.compute("binary", np.array([1, 1]), np.array([0.5, 0.9]))
    assert set(one_class) == {"log_loss", "accuracy", "brier"}
    assert set(metrics.compute("regression", np.array([2.0]), np.array([2.0]))) == {"rmse", "mae"}
    assert metrics.compute("binary", np.array([], np.int64), np.zeros([0, 2])) == {}


def test_predictions_that_are_not_finite_are_refused():
    with pytest.raises(GateError, match="1 of 2 predictions are not finite"):
        metrics.compute("binary", np.array([0, 1]), np.array([0.5, np.nan]))


def test_metrics_keep_their_order_and_the_primary_one_its_direction():
    names = {task: [metric.name for metric in metrics.of(task)] for task in ("binary", "multiclass", "regression")}
    assert names == {
        "binary": ["auc", "average_precision", "log_loss", "accuracy", "brier"],
        "multiclass": ["accuracy", "log_loss", "macro_f1"],
        "regression": ["rmse", "mae", "r2"],
    }
    primary = {task: (metric.name, metric.greater_is_better) for task, metric in metrics.PRIMARY.items()}
    assert primary == {"binary": ("auc", True), "multiclass": ("log_loss", False), "regression": ("rmse", False)}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_names_are_those_that_are_computed(task):
    labels = np.array([0, 1, 0, 1])
    predictions = np.array([0.1, 0.9, 0.2, 0.7])
    if task == "multiclass":
        predictions = np.stack([1 - predictions, predictions], axis=1)
    assert list(metrics.compute(task, labels, predictions)) == [metric.name for metric in metrics.of(task)]

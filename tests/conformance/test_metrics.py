"""Every registered metric keeps the interface, and has the value that is worked out by hand."""

import math

import numpy as np
import pytest

from core.spec import Task
from models.evaluation import metrics
from models.evaluation.metrics import METRICS

ENTRIES = [(name, task) for name, metric in METRICS.items() for task in metric.tasks]

LABELS = {"binary": [0, 0, 1, 1], "multiclass": [0, 1, 1], "regression": [1.0, 2.0, 3.0]}
PREDICTIONS = {
    # Of the 4 pairs of classes, one is in the wrong order: 0.5 of a positive row and 0.6 of a negative one.
    "binary": [[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]],
    "multiclass": [[0.6, 0.2, 0.2], [0.3, 0.4, 0.3], [0.5, 0.4, 0.1]],
    "regression": [1.0, 2.0, 6.0],
}
PERFECT = {
    "binary": [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]],
    "multiclass": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]],
    "regression": [1.0, 2.0, 3.0],
}
BY_HAND = {
    ("auc", "binary"): 3 / 4,
    ("average_precision", "binary"): (1 + 2 / 3) / 2,
    ("log_loss", "binary"): -math.log(0.9 * 0.4 * 0.5 * 0.8) / 4,
    ("accuracy", "binary"): 2 / 4,
    ("brier", "binary"): (0.01 + 0.36 + 0.25 + 0.04) / 4,
    ("accuracy", "multiclass"): 2 / 3,
    ("log_loss", "multiclass"): -math.log(0.6 * 0.4 * 0.4) / 3,
    ("macro_f1", "multiclass"): 2 / 3,  # both classes have precision and recall of 1 and 1/2
    ("rmse", "regression"): math.sqrt(9 / 3),
    ("mae", "regression"): 3 / 3,
    ("r2", "regression"): 1 - 9 / 2,
}


def _value(name: str, task: Task, predictions: object, labels: object = None, weights: object = None) -> float:
    given = np.array(LABELS[task] if labels is None else labels)
    return metrics.compute(task, given, np.array(predictions), None if weights is None else np.array(weights))[name]


def test_every_metric_has_a_value_by_hand():
    assert set(BY_HAND) == set(ENTRIES)
    assert all(metric.name == name for name, metric in METRICS.items())


@pytest.mark.parametrize(("name", "task"), ENTRIES)
def test_value_is_that_by_hand(name, task):
    assert _value(name, task, PREDICTIONS[task]) == pytest.approx(BY_HAND[name, task], abs=1e-12)


@pytest.mark.parametrize(("name", "task"), ENTRIES)
def test_perfect_predictions_are_best(name, task):
    best, other = _value(name, task, PERFECT[task]), _value(name, task, PREDICTIONS[task])
    assert best > other if METRICS[name].greater_is_better else best < other


@pytest.mark.parametrize(("name", "task"), ENTRIES)
def test_rows_without_weight_are_left_out_and_weights_count_rows(name, task):
    labels, predictions = LABELS[task], PREDICTIONS[task]
    extra = _value(name, task, [*predictions, predictions[0]], [*labels, labels[1]], [1.0] * len(labels) + [0.0])
    assert extra == pytest.approx(BY_HAND[name, task], abs=1e-12)
    weighted = _value(name, task, predictions, labels, [2.0] + [1.0] * (len(labels) - 1))
    repeated = _value(name, task, [predictions[0], *predictions], [labels[0], *labels])
    assert weighted == pytest.approx(repeated)


@pytest.mark.parametrize(("name", "task"), ENTRIES)
def test_single_row_gives_a_number_or_none(name, task):
    value = metrics.compute(task, np.array(LABELS[task][:1]), np.array(PREDICTIONS[task][:1])).get(name)
    assert value is None or (type(value) is float and math.isfinite(value))

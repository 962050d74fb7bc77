"""Registers the metrics by name, and computes those of a task over all rows given.

The Tuner, the Trainer and the Evaluator compute them here, so that their values can be compared. To add a metric, see
docs/adding/metric.md.
"""

from collections.abc import Mapping

import numpy as np

from core.errors import GateError
from core.spec import Task
from models.evaluation.metrics import classification, regression
from models.evaluation.metrics.base import Metric

METRICS: dict[str, Metric] = {
    "auc": classification.AUC,
    "average_precision": classification.AVERAGE_PRECISION,
    "log_loss": classification.LOG_LOSS,
    "accuracy": classification.ACCURACY,
    "brier": classification.BRIER,
    "macro_f1": classification.MACRO_F1,
    "rmse": regression.RMSE,
    "mae": regression.MAE,
    "r2": regression.R2,
}

# The metric that decides which of two models is better.
PRIMARY: Mapping[Task, Metric] = {
    "binary": METRICS["auc"],
    "multiclass": METRICS["log_loss"],
    "regression": METRICS["rmse"],
}
# The metric that reports show first: people read an accuracy more easily than a log loss.
_FIRST: Mapping[Task, str] = {"binary": "auc", "multiclass": "accuracy", "regression": "rmse"}


def of(task: Task) -> list[Metric]:
    """Returns the metrics of a task in the order in which reports show them."""
    found = [metric for metric in METRICS.values() if task in metric.tasks]
    return sorted(found, key=lambda metric: metric.name != _FIRST[task])


def compute(
    task: Task, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Returns a task's metrics over some rows.

    A metric that these rows do not define is left out: `auc` and `average_precision` where only one class occurs, `r2`
    where the label is constant, all of them where there is no row or no weight.

    Args:
        task: the kind of prediction.
        labels: class indexes int64[rows], or float[rows] for regression.
        predictions: probabilities float[rows, classes], or float[rows] for regression. A binary task may also give
            float[rows], the probability of its second class.
        weights: float[rows] >= 0; all rows count the same without them.

    Raises:
        GateError: a prediction is not a finite number.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions, np.float64)
    if not np.isfinite(predictions).all():
        broken = np.count_nonzero(~np.isfinite(predictions).reshape(len(predictions), -1).all(axis=1))
        raise GateError(
            f"{broken:,} of {len(predictions):,} predictions are not finite numbers: training diverged. "
            "Lower train.learning_rate, or look for extreme values in the features."
        )
    if task == "regression":
        labels = labels.astype(np.float64)
    elif task == "binary" and predictions.ndim == 2:
        predictions = predictions[:, 1]
    if weights is not None:
        counted = np.asarray(weights) > 0
        labels, predictions, weights = labels[counted], predictions[counted], np.asarray(weights)[counted]
    if not len(labels):
        return {}
    found = {metric.name: metric.compute(labels, predictions, weights) for metric in of(task)}
    return {name: float(value) for name, value in found.items() if value is not None}

"""The metrics of each task, by the names that summaries and gates use, exact over all rows given.

One place computes them for the Trainer, the Tuner and the Evaluator, so that their numbers can be compared.
"""

import numpy as np
from sklearn import metrics as sk

from core.errors import GateError
from core.spec import Task

# The metric that decides which of two models is better, and whether more of it is better.
PRIMARY: dict[Task, tuple[str, bool]] = {
    "binary": ("auc", True),
    "multiclass": ("log_loss", False),
    "regression": ("rmse", False),
}


def compute(
    task: Task, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Returns a task's metrics over some rows.

    A metric that these rows do not define is left out: `auc` and `average_precision` where only one class occurs, `r2`
    where the label is constant, all of them where there is no row or no weight.

    Args:
        task: what kind of prediction it is.
        labels: class indexes int64[rows], or float[rows] for regression.
        predictions: probabilities float[rows, classes], or float[rows] for regression. A binary task may also give
            float[rows], the probability of its second class.
        weights: float[rows] >= 0; all rows count the same without them.

    Raises:
        GateError: a prediction is not a finite number.
    """
    predictions = np.asarray(predictions, np.float64)
    broken = (
        np.count_nonzero(~np.isfinite(predictions).reshape(len(predictions), -1).all(axis=1)) if len(predictions) else 0
    )
    if broken:
        raise GateError(
            f"{broken:,} of {len(predictions):,} predictions are not finite numbers: training diverged. "
            "Lower train.learning_rate, or look for extreme values in the features."
        )
    if weights is not None:
        labels, predictions, weights = (np.asarray(each)[weights > 0] for each in (labels, predictions, weights))
    if not len(labels):
        return {}
    by_task = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}
    return {name: float(value) for name, value in by_task[task](labels, predictions, weights).items()}


def better(task: Task, first: dict[str, float], second: dict[str, float]) -> bool:
    """Returns whether the first metrics beat the second by the task's primary metric; log loss where it is missing."""
    name, more_is_better = PRIMARY[task]
    if name not in first or name not in second:
        name, more_is_better = "log_loss", False
    return first[name] > second[name] if more_is_better else first[name] < second[name]


def _binary(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None) -> dict[str, float]:
    positive = predictions if predictions.ndim == 1 else predictions[:, 1]
    found = {
        "log_loss": sk.log_loss(
            labels, np.stack([1 - positive, positive], axis=1), sample_weight=weights, labels=[0, 1]
        ),
        "accuracy": sk.accuracy_score(labels, positive > 0.5, sample_weight=weights),
        "brier": np.average((positive - labels) ** 2, weights=weights),
    }
    if len(np.unique(labels)) < 2:
        return found
    return {
        "auc": sk.roc_auc_score(labels, positive, sample_weight=weights),
        "average_precision": sk.average_precision_score(labels, positive, sample_weight=weights),
    } | found


def _multiclass(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None) -> dict[str, float]:
    predicted = predictions.argmax(axis=1)
    # float32 scores add up to 1 only nearly, which scikit-learn warns of.
    probabilities = predictions / predictions.sum(axis=1, keepdims=True)
    classes = range(predictions.shape[1])
    return {
        "accuracy": sk.accuracy_score(labels, predicted, sample_weight=weights),
        "log_loss": sk.log_loss(labels, probabilities, sample_weight=weights, labels=classes),
        "macro_f1": sk.f1_score(labels, predicted, average="macro", sample_weight=weights, zero_division=0),
    }


def _regression(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None) -> dict[str, float]:
    labels = np.asarray(labels, np.float64)
    found = {
        "rmse": np.sqrt(np.average((predictions - labels) ** 2, weights=weights)),
        "mae": np.average(np.abs(predictions - labels), weights=weights),
    }
    return found if np.ptp(labels) == 0 else found | {"r2": sk.r2_score(labels, predictions, sample_weight=weights)}

"""Compares two models on the same rows: the difference of their primary metric, and its standard error."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from core.spec import Task
from core.text import between

# A difference counts as chance below this many standard errors: one side of 95 %.
STANDARD_ERRORS = 1.645
# On each side of a 95 % interval.
_INTERVAL = 1.96


@dataclasses.dataclass(frozen=True)
class ModelPredictions:
    """Labels, weights and the predictions of several models for the same rows.

    Attributes:
        labels: int64[rows] class indexes, or float32[rows] for regression.
        weights: float[rows]; ones where the task has no weights.
        by_model: by model float[rows, classes], or float[rows] for regression.
    """

    labels: np.ndarray
    weights: np.ndarray
    by_model: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Difference:
    """By how much one model is better than another on the same rows, and how certain that is.

    Attributes:
        gain: the difference of the task's primary metric, positive where the first model is better.
        error: its standard error; infinite where there are too few rows to tell.
    """

    gain: float
    error: float

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % interval of the gain."""
        return _INTERVAL * self.error

    @property
    def is_clear(self) -> bool:
        """Whether chance does not explain the difference: the 95 % interval is without 0."""
        return abs(self.gain) > self.half_width

    def __str__(self) -> str:
        """Returns the difference as `better by 0.012 [0.008, 0.016]`, or says that it is not clear."""
        if not math.isfinite(self.error):
            return "not clearly better or worse (too few rows to tell)"
        size = abs(self.gain) if self.is_clear else self.gain
        shown = between(size, size - self.half_width, size + self.half_width)
        if not self.is_clear:
            return f"not clearly better or worse ({shown})"
        return f"{'better' if self.gain > 0 else 'worse'} by {shown}"


def difference(task: Task, rows: ModelPredictions, rival: str) -> Difference:
    """Returns how much better the model `candidate` is than a rival, compared row by row.

    The standard errors are DeLong's for the area under the ROC curve, and that of the mean of paired differences for
    log loss and squared error. There is no random sampling, so the same rows give the same result.
    """
    counted = rows.weights > 0
    labels, weights = rows.labels[counted], rows.weights[counted]
    candidate, other = (rows.by_model[name][counted] for name in ("candidate", rival))
    if task == "binary":
        return _auc_difference(labels, candidate, other, weights)
    if task == "multiclass":
        return Difference(*mean(log_losses(labels, other) - log_losses(labels, candidate), weights))
    squares = [(predictions.astype(np.float64) - labels) ** 2 for predictions in (candidate, other)]
    gain, error = mean(squares[1] - squares[0], weights)
    # (a² - b²) / (a + b) = a - b: from squared errors to their roots.
    total = sum(math.sqrt(np.average(square, weights=weights)) for square in squares) or 1.0
    return Difference(gain / total, error / total)


def _auc_difference(labels: np.ndarray, candidate: np.ndarray, other: np.ndarray, weights: np.ndarray) -> Difference:
    ranks, other_ranks = _ranks(labels, candidate, weights), _ranks(labels, other, weights)
    gain, positives = mean(ranks[0] - other_ranks[0], weights[labels == 1])
    _, negatives = mean(ranks[1] - other_ranks[1], weights[labels == 0])
    return Difference(gain, math.hypot(positives, negatives))


def _ranks(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each positive the share of negatives below it, and for each negative that of positives above it."""
    scores = predictions if predictions.ndim == 1 else predictions[:, 1]
    positive = labels == 1
    below = _share_below(scores[positive], scores[~positive], weights[~positive])
    return below, 1 - _share_below(scores[~positive], scores[positive], weights[positive])


def _share_below(scores: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the weighted share of the others that is below each score, equal ones counted half."""
    order = np.argsort(others)
    until = np.concatenate([[0.0], np.cumsum(weights[order], dtype=np.float64)])
    lower = until[np.searchsorted(others[order], scores, "left")]
    upper = until[np.searchsorted(others[order], scores, "right")]
    return (lower + upper) / 2 / until[-1]


def log_losses(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Returns the log loss of each row."""
    likelihood = np.take_along_axis(predictions.astype(np.float64), labels[:, None], axis=1)[:, 0]
    return -np.log(np.clip(likelihood, np.finfo(np.float64).eps, 1.0))


def mean(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Returns the weighted mean and its standard error."""
    average = float(np.average(values, weights=weights))
    if len(values) < 2:
        return average, math.inf
    spread = float(np.sum((weights * (values - average)) ** 2)) * len(values) / (len(values) - 1)
    return average, math.sqrt(spread) / float(np.sum(weights))

"""Selects the members of an ensemble, and their weights, by their predictions for the validation rows.

The method is greedy selection with replacement, begun with the best model and ended at the best step, from Caruana et
al. 2004, "Ensemble Selection from Libraries of Models". It overfits small validation splits, so the selection is
repeated on resampled rows and the weights are averaged: the bagging of section 2.3 there, but of rows, since there are
too few models to leave out half of them.
"""

from collections.abc import Sequence

import numpy as np

from core.spec import Task
from models.evaluation import metrics, model_comparison

_STEPS = 25
_BAGS = 20
_MAX_ROWS = 20_000  # of more rows a sample is used
_LEAST_WEIGHT = 0.05  # a member with less costs more time than it is worth
# The ensemble must be better than the best model by so many standard errors: the rule of one standard error, Breiman
# et al. 1984, "Classification and Regression Trees".
_STANDARD_ERRORS = 1.0


def select(
    task: Task,
    labels: np.ndarray,
    predictions: Sequence[np.ndarray],
    weights: np.ndarray | None = None,
    seconds: Sequence[float] | None = None,
    budget: float | None = None,
) -> dict[int, float]:
    """Returns the weights of the chosen models by index, greatest first; they add up to 1.

    One model alone is chosen where the ensemble is not clearly better than it.

    Args:
        task: the kind of prediction.
        labels: class indexes int64[rows], or float64[rows] for regression.
        predictions: of each model float[rows, classes], or float[rows] for regression.
        weights: float[rows]; None where all rows have the same weight.
        seconds: the time in which each model answers a request; None for no limit.
        budget: the longest time of all members together. Where no model keeps it, the fastest is chosen.
    """
    counted = np.ones(len(labels)) if weights is None else weights
    allowed = list(range(len(predictions)))
    if seconds is not None and budget is not None:
        fast = [index for index in allowed if seconds[index] <= budget]
        allowed = fast or [int(np.argmin(seconds))]
    best = _best(task, labels, [predictions[index] for index in allowed], counted)
    outputs = _outputs(task, labels, [predictions[index] for index in allowed])
    shares = bagged(task, labels, outputs, counted)
    if seconds is not None and budget is not None:
        shares = _within(shares, np.asarray([seconds[index] for index in allowed]), budget)
    shares = _pruned(shares)
    ensemble = blend([predictions[index] for index in allowed], shares)
    if np.count_nonzero(shares) < 2 or not _is_better(task, labels, ensemble, predictions[allowed[best]], counted):
        return {allowed[best]: 1.0}
    order = np.argsort(-shares, kind="stable")
    return {allowed[index]: float(shares[index]) for index in order if shares[index] > 0}


def blend(predictions: Sequence[np.ndarray], shares: Sequence[float] | np.ndarray) -> np.ndarray:
    """Returns the weighted mean of predictions."""
    pairs = zip(predictions, shares, strict=True)
    return np.sum([share * values.astype(np.float64) for values, share in pairs if share > 0], axis=0)


def greedy(task: Task, labels: np.ndarray, outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the share of each model in the ensemble with the least loss, float64[models].

    The loss is the log loss, or the squared error of a regression: unlike ranks they are smooth in the weights.

    Args:
        task: the kind of prediction.
        labels: float64[rows] for regression, otherwise not used.
        outputs: float64[models, rows]: the probability of each row's class, or the predicted number.
        weights: float[rows].
    """
    total, count = np.zeros(outputs.shape[1]), np.zeros(len(outputs))
    least, found = np.inf, count
    for step in range(1, _STEPS + 1):
        losses = _losses(task, labels, (total + outputs) / step, weights)
        chosen = int(np.argmin(losses))
        total, count[chosen] = total + outputs[chosen], count[chosen] + 1
        if losses[chosen] < least:
            least, found = losses[chosen], count / step
    return found


def _losses(task: Task, labels: np.ndarray, outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if task == "regression":
        return np.asarray((outputs - labels) ** 2 @ weights)
    return np.asarray(-np.log(np.clip(outputs, np.finfo(np.float64).eps, None)) @ weights)


def _outputs(task: Task, labels: np.ndarray, predictions: Sequence[np.ndarray]) -> np.ndarray:
    """Returns what the loss depends on, float64[models, rows]."""
    if task == "regression":
        return np.stack(predictions).astype(np.float64)
    rows = np.arange(len(labels))
    return np.stack([values[rows, labels] for values in predictions]).astype(np.float64)


def bagged(task: Task, labels: np.ndarray, outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the mean of the shares that are selected on resamples of the rows. See `greedy`."""
    random = np.random.default_rng(0)
    rows = random.permutation(np.flatnonzero(weights > 0))[:_MAX_ROWS]
    labels, outputs, weights = labels[rows], outputs[:, rows], weights[rows]
    shares = np.zeros(len(outputs))
    for _ in range(_BAGS):
        drawn = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)))
        used = drawn > 0
        shares += greedy(task, labels[used], outputs[:, used], (weights * drawn)[used])
    return shares / _BAGS


def _best(task: Task, labels: np.ndarray, predictions: Sequence[np.ndarray], weights: np.ndarray) -> int:
    """Returns the index of the model with the best primary metric."""
    found = [metrics.compute(task, labels, values, weights) for values in predictions]
    primary = metrics.PRIMARY[task]
    if any(primary.name not in one for one in found):
        primary = metrics.METRICS["log_loss"]
    sign = 1 if primary.greater_is_better else -1
    return int(np.argmax([sign * one[primary.name] for one in found]))


def _within(shares: np.ndarray, seconds: np.ndarray, budget: float) -> np.ndarray:
    """Returns the shares with only those members, greatest first, that answer within the budget together."""
    kept, left = np.zeros(len(shares)), budget
    for index in np.argsort(-shares, kind="stable"):
        if seconds[index] <= left:
            kept[index], left = shares[index], left - seconds[index]
    return kept


def _pruned(shares: np.ndarray) -> np.ndarray:
    """Returns the shares, which add up to 1 again, without the smallest."""
    kept = np.where(shares >= _LEAST_WEIGHT * shares.sum(), shares, 0.0)
    return kept / (kept.sum() or 1.0)


def _is_better(task: Task, labels: np.ndarray, ensemble: np.ndarray, best: np.ndarray, weights: np.ndarray) -> bool:
    if task == "binary" and len(set(labels[weights > 0].tolist())) < 2:
        return False
    rows = model_comparison.ModelPredictions(labels, weights, {"candidate": ensemble, "best": best})
    found = model_comparison.difference(task, rows, "best")
    return found.gain > _STANDARD_ERRORS * found.error

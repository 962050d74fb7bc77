"""Selects the members of an ensemble, and their weights, by their predictions for the validation rows.

The method is greedy selection with replacement, begun with the best model and ended at the best step, from Caruana et
al. 2004, "Ensemble Selection from Libraries of Models". It overfits small validation splits, so the selection is
repeated on resampled rows and the weights are averaged: the bagging of section 2.3 there, but of rows, since there are
too few models to leave out half of them.

The gain of the ensemble is measured out of bag (Breiman 1996, "Out-of-bag estimation"): on the rows that a resample
lacks, between the ensemble and the single model that are best on the resample. On the same rows the best single model
would seem better than it is, since it was chosen there too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.spec import Task
from models.evaluation import metrics

_STEPS = 25
_BAGS = 20
_MAX_ROWS = 20_000  # of more rows a sample is used
_LEAST_WEIGHT = 0.05  # a member with less costs more time than it is worth
# The gain must be so many standard errors. It is less than one, since an ensemble is seldom worse than the model that
# seems best, and often better.
_STANDARD_ERRORS = 0.5
_LEAST_GAIN = 1e-3  # of the loss of the best model: less is not worth the time of several models


def select(
    task: Task,
    labels: np.ndarray,
    predictions: Sequence[np.ndarray],
    weights: np.ndarray | None = None,
    costs: Sequence[np.ndarray] | None = None,
    limits: np.ndarray | None = None,
) -> dict[int, float]:
    """Returns the weights of the chosen models by index, greatest first; they add up to 1.

    One model alone is chosen where the ensemble is not clearly better than it.

    Args:
        task: the kind of prediction.
        labels: class indexes int64[rows], or float64[rows] for regression.
        predictions: of each model float[rows, classes], or float[rows] for regression.
        weights: float[rows]; None where all rows have the same weight.
        costs: of each model float64[kinds], such as the time for a request and the size; None for no limit.
        limits: the most that all members may cost together. Where no model keeps it, the one that is nearest is chosen.
    """
    counted = np.ones(len(labels)) if weights is None else weights
    spent = np.zeros([len(predictions), 1]) if costs is None or limits is None else np.stack(costs)
    most = np.full(spent.shape[1], np.inf) if limits is None else limits
    within = np.flatnonzero(np.all(spent <= most, axis=1))
    nearest = np.argmin(np.max(spent / np.maximum(most, np.finfo(np.float64).tiny), axis=1))
    allowed = within if len(within) else np.array([nearest])
    candidates = [predictions[index] for index in allowed]
    single = {int(allowed[_best(task, labels, candidates, counted)]): 1.0}
    if len(candidates) == 1 or (task == "binary" and len(set(labels[counted > 0].tolist())) < 2):
        return single
    outputs = _outputs(task, labels, candidates)
    found = bagged(task, labels, outputs, counted)
    members = _within(found.shares, spent[allowed], most)
    if len(members) < np.count_nonzero(found.shares):
        found = bagged(task, labels, outputs, counted, members)
    if len(members) < 2 or not found.is_better:
        return single
    shares = found.shares
    order = np.argsort(-shares, kind="stable")
    return {int(allowed[index]): float(shares[index]) for index in order if shares[index] > 0}


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
        losses = _loss(task, labels, (total + outputs) / step) @ weights
        chosen = int(np.argmin(losses))
        total, count[chosen] = total + outputs[chosen], count[chosen] + 1
        if losses[chosen] < least:
            least, found = losses[chosen], count / step
    return found


def _loss(task: Task, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Returns the loss of each row, of the shape of outputs."""
    if task == "regression":
        return np.asarray((outputs - labels) ** 2)
    return -np.log(np.clip(outputs, np.finfo(np.float64).eps, None))


def _outputs(task: Task, labels: np.ndarray, predictions: Sequence[np.ndarray]) -> np.ndarray:
    """Returns what the loss depends on, float64[models, rows]."""
    if task == "regression":
        return np.stack(predictions).astype(np.float64)
    rows = np.arange(len(labels))
    return np.stack([values[rows, labels] for values in predictions]).astype(np.float64)


class Bagged(NamedTuple):
    """An ensemble that is selected on resamples of the rows.

    Attributes:
        shares: the mean share of each model, float64[models].
        loss: the mean loss of the best single model, out of bag.
        gain: this loss less that of the ensemble.
        error: the standard error of the gain.
    """

    shares: np.ndarray
    loss: float
    gain: float
    error: float

    @property
    def is_better(self) -> bool:
        """Whether the ensemble is better than the single model by more than noise."""
        return self.gain > max(_STANDARD_ERRORS * self.error, _LEAST_GAIN * self.loss)


def bagged(
    task: Task, labels: np.ndarray, outputs: np.ndarray, weights: np.ndarray, members: Sequence[int] | None = None
) -> Bagged:
    """Returns the ensemble that is selected on resamples of the rows, and its gain. See `greedy`.

    Args:
        task: the kind of prediction.
        labels: as for `greedy`.
        outputs: as for `greedy`.
        weights: as for `greedy`.
        members: the models that an ensemble may have; None for all. The single model may be any.
    """
    random = np.random.default_rng(0)
    rows = random.permutation(np.flatnonzero(weights > 0))[:_MAX_ROWS]
    labels, outputs, weights = labels[rows], outputs[:, rows], weights[rows]
    chosen = list(range(len(outputs))) if members is None else list(members)
    losses = _loss(task, labels, outputs)
    shares, times = np.zeros(len(outputs)), np.zeros(len(rows))
    singles, means = np.zeros(len(rows)), np.zeros(len(rows))  # the sums, out of bag, of the losses and the predictions
    for _ in range(_BAGS):
        drawn = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)))
        used, left = drawn > 0, drawn == 0
        found = np.zeros(len(outputs))
        found[chosen] = greedy(task, labels[used], outputs[chosen][:, used], (weights * drawn)[used])
        single = np.argmin(losses @ (weights * drawn))
        singles[left] += losses[single, left]
        means[left] += found @ outputs[:, left]
        times[left] += 1
        shares += found / _BAGS
    seen = times > 0
    if not seen.any():
        return Bagged(shares, 0.0, 0.0, 0.0)
    alone, counted = singles[seen] / times[seen], weights[seen]
    gains = alone - _loss(task, labels[seen], means[seen] / times[seen])
    gain = float(np.average(gains, weights=counted))
    error = np.sqrt(np.sum((counted * (gains - gain)) ** 2)) / counted.sum()
    return Bagged(shares, float(np.average(alone, weights=counted)), gain, float(error))


def _best(task: Task, labels: np.ndarray, predictions: Sequence[np.ndarray], weights: np.ndarray) -> int:
    """Returns the index of the model with the best primary metric."""
    found = [metrics.compute(task, labels, values, weights) for values in predictions]
    primary = metrics.PRIMARY[task]
    if any(primary.name not in values for values in found):
        primary = metrics.METRICS["log_loss"]
    sign = 1 if primary.greater_is_better else -1
    return int(np.argmax([sign * values[primary.name] for values in found]))


def _within(shares: np.ndarray, costs: np.ndarray, limits: np.ndarray) -> list[int]:
    """Returns the models that are worth their costs, greatest share first, and keep the limits together."""
    kept, left = [], limits
    for index in np.argsort(-shares, kind="stable"):
        if shares[index] >= _LEAST_WEIGHT and np.all(costs[index] <= left):
            kept.append(int(index))
            left = left - costs[index]
    return kept

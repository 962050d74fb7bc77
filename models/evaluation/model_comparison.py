"""The verdict over a candidate: its metrics on the test split against baselines and against the user's limits."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from core.spec import Label, Task
from models.evaluation import metrics
from models.evaluation.gates import Gate, shown

# A difference counts as noise below this many standard errors: one side of 95 %.
STANDARD_ERRORS = 1.645
# Nobody notices a loss of this share of what there is to win over a constant, however many rows prove it.
_NEGLIGIBLE = 0.005
# A smaller slice says little about the model, and much about chance.
_SLICE_ROWS = 100

Metrics = Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of the test split.

    Attributes:
        labels: int64[rows] class indexes, or float32[rows] for regression.
        weights: float[rows]; ones where the task has no weights.
        predictions: by model (`candidate`, `constant`, and `linear` and `blessed` where there are such models)
            float[rows, classes], or float[rows] for regression.
    """

    labels: np.ndarray
    weights: np.ndarray
    predictions: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Slice:
    """The candidate's metrics over a part of the test split."""

    name: str
    rows: int
    metrics: Metrics


def judge(
    label: Label,
    rows: Rows,
    measured: Mapping[str, Metrics],
    limits: Mapping[str, Mapping[str, float | None]],
    slices: tuple[Slice, ...] = (),
) -> list[Gate]:
    """Returns all gates of the candidate; it is blessed if all passed.

    Args:
        label: what is predicted.
        rows: the test split with the predictions of all models.
        measured: the metrics by model.
        limits: the user's gates, which `models.evaluation.gates.check` has let pass.
        slices: the candidate's metrics by slice, for limits that hold in every slice.
    """
    problem = _unusable(label, rows)
    if problem is not None:
        return [Gate("test split", False, None, None, problem)]
    rivals = [name for name in ("linear", "blessed") if name in rows.predictions]
    gates = [_beats_constant(label.task, rows, measured)]
    gates += [_not_worse(label.task, rows, measured, rival) for rival in rivals]
    for metric, asked in limits.items():
        for limit, value in asked.items():
            if value is not None:
                make = _slice_limit if limit.startswith("slice_") else _limit
                gates.append(make(metric, limit, value, measured["candidate"], slices))
    return gates


def _unusable(label: Label, rows: Rows) -> str | None:
    """Returns why no model can be judged on these rows; None if one can."""
    used = rows.labels[rows.weights > 0]
    if not len(used):
        return "The test split has no row that counts. Give it a larger fraction in `split`."
    if label.task == "binary" and len(np.unique(used)) < 2:
        return (
            f"All {len(used):,} rows of the test split have the class {label.classes[int(used[0])]!r}, and a ranking "
            "needs both classes. Give the test split a larger fraction, or split by hash."
        )
    if not np.isfinite(rows.predictions["candidate"]).all():
        return "Some predictions are not finite numbers: training diverged. Lower train.learning_rate."
    return None


def _beats_constant(task: Task, rows: Rows, measured: Mapping[str, Metrics]) -> Gate:
    """The candidate must be better than always saying the same, by more than chance explains."""
    name, _ = metrics.PRIMARY[task]
    value, limit = measured["candidate"][name], measured["constant"][name]
    found = difference(task, rows, "constant")
    noise = STANDARD_ERRORS * found.error
    if found.gain > max(noise, 0.0):
        return Gate("constant", True, value, limit, f"{name} {shown(value)} beats the constant's {shown(limit)}.")
    if found.gain <= 0:
        why = f"{name} {shown(value)} does not beat {shown(limit)}, which one constant answer for all rows reaches."
    elif math.isinf(noise):
        why = "The test split has a single row of one class: too few to tell the model from a constant."
    else:
        why = (
            f"{name} {shown(value)} is no clear gain over the constant's {shown(limit)}: on {len(rows.labels):,} test "
            f"rows chance explains differences up to {shown(noise)}. More test rows or better features would show one."
        )
    return Gate("constant", False, value, limit, why)


def _not_worse(task: Task, rows: Rows, measured: Mapping[str, Metrics], rival: str) -> Gate:
    """The candidate must not be worse than a rival, by more than chance explains or anybody would notice."""
    name, _ = metrics.PRIMARY[task]
    value, limit = measured["candidate"][name], measured[rival][name]
    best = 1.0 if task == "binary" else 0.0
    negligible = _NEGLIGIBLE * abs(best - measured["constant"][name])
    found = difference(task, rows, rival)
    tolerance = max(negligible, STANDARD_ERRORS * found.error)
    title = f"the {rival} model's {shown(limit)}"
    if found.gain >= 0:
        return Gate(rival, True, value, limit, f"{name} {shown(value)} is as good as {title} or better.")
    if found.gain >= -tolerance:
        why = f"{name} {shown(value)} is not worse than {title} by more than the tolerance of {shown(tolerance)}."
        return Gate(rival, True, value, limit, why)
    why = f"{name} {shown(value)} is worse than {title}, and chance explains no more than {shown(tolerance)}."
    return Gate(rival, False, value, limit, why)


def _limit(metric: str, limit: str, bound: float, candidate: Metrics, slices: tuple[Slice, ...]) -> Gate:
    """The candidate must keep a limit on the whole test split."""
    del slices
    value = candidate.get(metric)
    name = f"{metric} {limit}"
    if value is None:
        return Gate(name, False, None, bound, f"{metric} is not defined on the rows of the test split.")
    passed = _keeps(limit, value, bound)
    sign = "at least" if limit == "min" else "at most"
    return Gate(name, passed, value, bound, f"{metric} is {shown(value)}, and {sign} {bound:g} was asked for.")


def _slice_limit(metric: str, limit: str, bound: float, candidate: Metrics, slices: tuple[Slice, ...]) -> Gate:
    """The candidate must keep a limit in every slice that is large enough to tell."""
    del candidate
    found = [each for each in slices if each.rows >= _SLICE_ROWS and metric in each.metrics]
    name = f"{metric} {limit}"
    if not found:
        why = f"There is no slice of {_SLICE_ROWS} rows or more with {metric}. Name features in `evaluate.slices`."
        return Gate(name, False, None, bound, why)
    pick = min if limit == "slice_min" else max
    worst = pick(found, key=lambda each: each.metrics[metric])
    value = worst.metrics[metric]
    sign = "at least" if limit == "slice_min" else "at most"
    why = f"{metric} is {shown(value)} in the worst slice, {worst.name}, and {sign} {bound:g} was asked for."
    return Gate(name, _keeps(limit, value, bound), value, bound, why)


def _keeps(limit: str, value: float, bound: float) -> bool:
    return value >= bound if limit.endswith("min") else value <= bound


@dataclasses.dataclass(frozen=True)
class Difference:
    """By how much one model is better than another on the same rows, and how sure that is.

    Attributes:
        gain: the difference of the task's main metric, positive where the first model is better.
        error: its standard error; infinite where there are too few rows to tell.
    """

    gain: float
    error: float


def difference(task: Task, rows: Rows, rival: str) -> Difference:
    """Returns how much better the candidate is than a rival, compared row by row.

    The standard errors are the textbook's: DeLong's for the area under the ROC curve, and that of the mean of paired
    differences for log loss and squared error. Nothing is drawn at random, so the same rows give the same verdict.
    """
    counted = rows.weights > 0
    labels, weights = rows.labels[counted], rows.weights[counted]
    ours, theirs = (rows.predictions[name][counted] for name in ("candidate", rival))
    if task == "binary":
        return _auc_difference(labels, ours, theirs, weights)
    if task == "multiclass":
        return Difference(*_mean(_log_losses(labels, theirs) - _log_losses(labels, ours), weights))
    squares = [(predictions.astype(np.float64) - labels) ** 2 for predictions in (ours, theirs)]
    gain, error = _mean(squares[1] - squares[0], weights)
    # (a² - b²) / (a + b) = a - b: from squared errors to their roots.
    total = sum(math.sqrt(np.average(each, weights=weights)) for each in squares) or 1.0
    return Difference(gain / total, error / total)


def _auc_difference(labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray, weights: np.ndarray) -> Difference:
    our_ranks, their_ranks = _ranks(labels, ours, weights), _ranks(labels, theirs, weights)
    gain, positives = _mean(our_ranks[0] - their_ranks[0], weights[labels == 1])
    _, negatives = _mean(our_ranks[1] - their_ranks[1], weights[labels == 0])
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


def _log_losses(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Returns the log loss of each row."""
    likelihood = np.take_along_axis(predictions.astype(np.float64), labels[:, None], axis=1)[:, 0]
    return -np.log(np.clip(likelihood, np.finfo(np.float64).eps, 1.0))


def _mean(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Returns the weighted mean and its standard error."""
    mean = float(np.average(values, weights=weights))
    if len(values) < 2:
        return mean, math.inf
    spread = float(np.sum((weights * (values - mean)) ** 2)) * len(values) / (len(values) - 1)
    return mean, math.sqrt(spread) / float(np.sum(weights))

"""Measures what a model loses with its age, by training the same learner on older and on newer rows.

The rows are ordered by time and divided into blocks of equal size. A model of the first blocks, which grows older, and
one of the blocks just before, which is always fresh, predict each later block; both learn from as many rows. The
learner is scikit-learn's HistGradientBoosting: it takes a second, and the impact of age is mostly that of the data.
"""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.spec import PER_SECOND, Feature, Task
from models.evaluation import model_comparison
from models.evaluation.model_comparison import ModelPredictions

MAX_ROWS = 20_000
_BLOCKS, _TRAINED_ON = 6, 2
_ITERATIONS = 50
_CATEGORIES = 250  # HistGradientBoosting takes at most 255
_SECONDS_PER_DAY = 86_400
_MIN_ROWS = 50 * _BLOCKS


@dataclasses.dataclass(frozen=True)
class Age:
    """What a model has lost at an age.

    Attributes:
        days: the time from the last row that it learned from to the middle of the rows that it predicts.
        loss: by how much a fresh model is better in the primary metric.
        error: the standard error of the loss.
    """

    days: float
    loss: float
    error: float


def time_of(features: Sequence[Feature]) -> Feature | None:
    """Returns the first feature that is a time of a row; None where no feature is one that numbers hold."""
    times = (
        feature
        for feature in features
        if feature.kind == "timestamp" and feature.payload != "text" and not feature.repeated
    )
    return next(times, None)


def by_age(
    task: Task,
    time: Feature,
    features: Sequence[Feature],
    columns: Mapping[str, np.ndarray],
    labels: np.ndarray,
    weights: np.ndarray,
) -> list[Age]:
    """Returns what a model has lost at growing ages; none where the rows are too few or of one time.

    Args:
        task: the kind of prediction.
        time: the feature that orders the rows.
        features: the features; times and lists are not learned from.
        columns: the features as `core.examples.dense` gives them.
        labels: class indexes int64[rows], or float[rows] for regression.
        weights: float[rows] >= 0.
    """
    known = np.flatnonzero(np.isfinite(columns[time.name]) & (weights > 0))
    order = known[np.argsort(columns[time.name][known], kind="stable")]
    days = columns[time.name] / PER_SECOND[time.unit] / _SECONDS_PER_DAY
    if len(order) < _MIN_ROWS or days[order[0]] == days[order[-1]]:
        return []
    used = [feature for feature in features if feature.kind in ("numeric", "categorical") and not feature.repeated]
    matrix = np.stack([_codes(feature, columns[feature.name]) for feature in used], axis=1)
    learner = _Learner(
        task, [feature.kind == "categorical" or feature.payload == "text" for feature in used], matrix, labels, weights
    )
    blocks = np.array_split(order, _BLOCKS)
    first = np.concatenate(blocks[:_TRAINED_ON])
    old = learner.fit(first)
    found = []
    for number in range(_TRAINED_ON + 1, _BLOCKS):
        fresh, rows = learner.fit(np.concatenate(blocks[number - _TRAINED_ON : number])), blocks[number]
        if old is None or fresh is None or not _is_judged(task, labels[rows]):
            continue
        by_model = {"candidate": learner.predictions(fresh, rows), "old": learner.predictions(old, rows)}
        age = model_comparison.difference(task, ModelPredictions(labels[rows], weights[rows], by_model), "old")
        found.append(Age(float(np.median(days[rows]) - days[first[-1]]), age.gain, age.error))
    return [age for age in found if np.isfinite(age.error)]


def _is_judged(task: Task, labels: np.ndarray) -> bool:
    return task != "binary" or len(np.unique(labels)) > 1


def _codes(feature: Feature, values: np.ndarray) -> np.ndarray:
    """Returns numbers as they are, and categories as 0, 1, ... by frequency, the rare ones and missing as NaN."""
    if feature.kind == "numeric" and feature.payload != "text":
        return values.astype(np.float64)
    present = values != b"" if feature.payload == "text" else np.isfinite(values)
    known, codes, counts = np.unique(values[present], return_inverse=True, return_counts=True)
    rank = np.full(len(known), np.nan)
    frequent = np.argsort(-counts, kind="stable")[:_CATEGORIES]
    rank[frequent] = np.arange(len(frequent))
    found = np.full(len(values), np.nan)
    found[present] = rank[codes]
    return found


@dataclasses.dataclass(frozen=True)
class _Learner:
    """Trains on some rows, and predicts others."""

    task: Task
    categorical: list[bool]
    matrix: np.ndarray
    labels: np.ndarray
    weights: np.ndarray

    def fit(self, rows: np.ndarray) -> Any:
        """Returns a model of some rows; None where they have one class."""
        from sklearn import ensemble

        options = {"max_iter": _ITERATIONS, "categorical_features": self.categorical, "early_stopping": False}
        labels = self.labels[rows]
        if self.task == "regression":
            model = ensemble.HistGradientBoostingRegressor(random_state=0, **options)
        elif len(np.unique(labels)) > 1:
            model = ensemble.HistGradientBoostingClassifier(random_state=0, **options)
        else:
            return None
        with _one_thread():
            return model.fit(self.matrix[rows], labels, self.weights[rows])

    def predictions(self, model: Any, rows: np.ndarray) -> np.ndarray:
        """Returns float[rows, classes], or float[rows] for regression."""
        with _one_thread():
            if self.task == "regression":
                return np.asarray(model.predict(self.matrix[rows]))
            found = np.zeros((len(rows), int(self.labels.max()) + 1))
            found[:, model.classes_] = model.predict_proba(self.matrix[rows])
            return found


def _one_thread() -> contextlib.AbstractContextManager[object]:
    """On a busy machine, threads of so small a job wait for each other."""
    import threadpoolctl

    return threadpoolctl.threadpool_limits(1)  # type: ignore[no-any-return]

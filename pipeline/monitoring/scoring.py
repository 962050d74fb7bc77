"""Predicts rows with the served model, and measures by how much a feature's drift moves the predictions."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from core import examples
from core.spec import Feature, Spec
from pipeline.monitoring.drift import significance
from pipeline.monitoring.drift.feature_drift import LEAST_DISTANCE
from pipeline.prediction import batch_prediction

LEAST_CHANGE = 0.02  # of the predictions, in their standard deviations: a smaller one is no alarm
_REQUEST_ROWS = 4_096
_ROWS = 4_096  # of which the change of the predictions is measured


class Scorer:
    """The served model as a function from rows to predictions."""

    def __init__(self, version: str, spec: Spec) -> None:
        """Loads the model, which takes seconds."""
        with batch_prediction.quiet_tensorflow():
            from models.serving import served_model

            self._model = served_model.load(version)
        self.spec = spec

    def __call__(self, rows: pa.RecordBatch) -> np.ndarray:
        """Returns the scores of the classes, float64[rows, C]; or for regression the predictions, float64[rows]."""
        return self.dense(examples.dense(rows, self.spec.features))

    def dense(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Returns the predictions for columns as `core.examples.dense` gives them."""
        count = len(next(iter(columns.values())))
        parts = [
            self._model.predictions({name: values[start : start + _REQUEST_ROWS] for name, values in columns.items()})
            for start in range(0, count, _REQUEST_ROWS)
        ]
        return np.concatenate(parts).astype(np.float64)


@dataclasses.dataclass(frozen=True)
class PredictionDrift:
    """The predictions for requests beside those for rows of test.

    Attributes:
        names: the classes; `prediction` for regression.
        means: the mean score (or prediction) in requests.
        expected: that in test.
        distance: the largest distance of the cumulative distributions, over the classes.
        p_value: of the Kolmogorov-Smirnov test, corrected for the number of classes.
        drifted: whether the predictions drifted.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    expected: tuple[float, ...]
    distance: float
    p_value: float
    drifted: bool

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as JSON can hold it."""
        means, expected = (dict(zip(self.names, values, strict=True)) for values in (self.means, self.expected))
        return {"means": means, "test_means": expected, "distance": self.distance, "p_value": self.p_value}

    def alarms(self) -> list[str]:
        """Returns the alarm, if there is one."""
        if not self.drifted:
            return []
        place = int(np.argmax(np.abs(np.subtract(self.means, self.expected))))
        name, mean, before = self.names[place], self.means[place], self.expected[place]
        return [
            f"the predictions drifted: the mean of {name!r} is {mean:.3g}, on test {before:.3g}, and the largest "
            f"distance of the cumulative distributions is {self.distance:.3f}"
        ]

    def lines(self) -> list[str]:
        """Returns the result in lines."""
        rows = zip(self.names, self.means, self.expected, strict=True)
        shown = ", ".join(f"{name} {mean:.3g} (test {before:.3g})" for name, mean, before in list(rows)[-6:])
        return [f"mean predictions: {shown}; distance {self.distance:.3f}"]


def prediction_drift(spec: Spec, found: np.ndarray, expected: np.ndarray, level: float) -> PredictionDrift:
    """Compares predictions for requests with those for rows of test, at the level of a test."""
    names = spec.label.classes or ("prediction",)
    columns = [(table if table.ndim == 2 else table[:, None]) for table in (found, expected)]
    gaps = [_gap(columns[0][:, place], columns[1][:, place]) for place in range(len(names))]
    tests = max(1, len(names) - 1)
    p_value = min(1.0, tests * significance.kolmogorov_smirnov(max(gaps), len(found), len(expected)))
    drifted = p_value < level and max(gaps) >= LEAST_DISTANCE
    means, before = (tuple(float(value) for value in table.mean(axis=0)) for table in columns)
    return PredictionDrift(tuple(names), means, before, float(max(gaps)), p_value, drifted)


def _gap(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the largest distance of two cumulative distributions."""
    first, second = np.sort(first), np.sort(second)
    values = np.concatenate([first, second])
    ranks = (np.searchsorted(sample, values, side="right") / len(sample) for sample in (first, second))
    return float(np.abs(np.subtract(*ranks)).max())


def changes(
    scorer: Scorer, features: Iterable[Feature], before: pa.RecordBatch, after: pa.RecordBatch
) -> dict[str, float]:
    """Returns by how much the drift of each feature alone moves the predictions, in their standard deviations.

    In rows of test, the feature takes values drawn from test, then values drawn from the requests at the same ranks,
    so that the two draws differ as the distributions do. The change is the Wasserstein distance of the predictions.

    Args:
        scorer: the model.
        features: the features.
        before: rows of test.
        after: rows of requests.
    """
    spec = scorer.spec
    base = examples.dense(before.slice(0, _ROWS), spec.features)
    scale = _matrix(scorer.dense(base)).std(axis=0)
    count = len(next(iter(base.values())))
    ranks = (np.random.default_rng(0).permutation(count) + 0.5) / count
    moved = {}
    for feature in features:
        predicted = []
        for rows in (before, after):
            values = examples.dense(rows.select([feature.name]), [feature])[feature.name]
            order = np.argsort(values, kind="stable") if values.ndim == 1 else np.arange(len(values))
            drawn = values[order[(ranks * len(values)).astype(int)]]
            predicted.append(np.sort(_matrix(scorer.dense({**base, feature.name: drawn})), axis=0))
        distance = np.abs(predicted[0] - predicted[1]).mean(axis=0)
        moved[feature.name] = float((distance[scale > 0] / scale[scale > 0]).max(initial=0.0))
    return moved


def _matrix(predictions: np.ndarray) -> np.ndarray:
    return predictions if predictions.ndim == 2 else predictions[:, None]


def shares(moved: dict[str, float]) -> dict[str, float]:
    """Returns the share of each feature in the changes of all."""
    total = sum(moved.values())
    return {name: change / total if total else 0.0 for name, change in moved.items()}


def matrix(rows: pa.RecordBatch, features: Sequence[Feature], categories: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Returns float64[rows, features] for trees: numbers, the rank of a category (-1 for an unseen one), NaN."""
    columns = []
    for name, values in examples.dense(rows, features).items():
        first = values if values.ndim == 1 else values[:, 0]
        if name in categories:
            places = {category: place for place, category in enumerate(categories[name])}
            first = np.array([_place(value, places) for value in first])
        columns.append(first.astype(np.float64))
    return np.stack(columns, axis=1) if columns else np.zeros((rows.num_rows, 0))


def _place(value: bytes | float, places: dict[str, int]) -> float:
    if isinstance(value, bytes):
        return places.get(value.decode(errors="replace"), -1) if value else np.nan
    return np.nan if np.isnan(value) else places.get(str(int(value)), -1)

"""Compares the predictions for requests with those for rows of test."""

import dataclasses
from typing import Any

import numpy as np

from core.spec import Spec
from pipeline.monitoring.drift import significance
from pipeline.monitoring.drift.feature_drift import LEAST_DISTANCE
from pipeline.monitoring.scorer import by_output

_SHOWN = 6  # classes


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
        shown = ", ".join(f"{name} {mean:.3g} (test {before:.3g})" for name, mean, before in list(rows)[-_SHOWN:])
        return [f"mean predictions: {shown}; distance {self.distance:.3f}"]


def prediction_drift(spec: Spec, found: np.ndarray, expected: np.ndarray, level: float) -> PredictionDrift:
    """Compares predictions for requests with those for rows of test, at the level of a test."""
    names = spec.label.classes or ("prediction",)
    columns = [by_output(table) for table in (found, expected)]
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

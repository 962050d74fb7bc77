"""Measures the quality of predictions for which labels came, beside that on test."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.spec import Task
from models.evaluation import metric_intervals, metrics

LEAST_LOSS = 0.02  # by how much a metric between 0 and 1 is worse at least, where that is an alarm
_LEAST_RELATIVE_LOSS = 0.05  # the same for other metrics, as a share of their value on test
_DEVIATIONS = 3 / 1.96  # intervals of 95 % are widened to three standard errors


@dataclasses.dataclass(frozen=True)
class Quality:
    """The metrics of requests beside those of test.

    Attributes:
        task: the kind of prediction.
        how: where the metrics come from, such as `with labels`.
        rows: the number of requests.
        values: the metrics.
        errors: half the width of their 95 % intervals.
        expected: the metrics on test; empty where no rows of test are there.
        expected_errors: half the width of the intervals on test.
    """

    task: Task
    how: str
    rows: int
    values: Mapping[str, float]
    errors: Mapping[str, float]
    expected: Mapping[str, float]
    expected_errors: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Returns the quality as JSON can hold it."""
        return {
            "how": self.how,
            "rows": self.rows,
            "metrics": dict(self.values),
            "errors": dict(self.errors),
            "test_metrics": dict(self.expected),
        }

    def alarms(self) -> list[str]:
        """Returns the alarm: the primary metric is worse than on test by more than both errors and a tolerance."""
        metric = metrics.PRIMARY[self.task]
        value, before = self.values.get(metric.name), self.expected.get(metric.name)
        if value is None or before is None:
            return []
        worse = before - value if metric.greater_is_better else value - before
        error = math.hypot(self.errors.get(metric.name, math.inf), self.expected_errors.get(metric.name, math.inf))
        least = LEAST_LOSS if metric.bounds[1] == 1 else _LEAST_RELATIVE_LOSS * abs(before)
        if not worse > max(least, _DEVIATIONS * error):
            return []
        return [f"{metric.name} {self.how} is {value:.4g}, on test {before:.4g}"]

    def lines(self) -> list[str]:
        """Returns the metrics in a line."""
        shown = [
            f"{name} {value:.4g}"
            + (f" ± {self.errors[name]:.2g}" if name in self.errors else "")
            + (f" (test {self.expected[name]:.4g})" if name in self.expected else "")
            for name, value in self.values.items()
        ]
        return [f"quality {self.how}, {self.rows:,} requests: {', '.join(shown)}"]


def measured(
    task: Task, labels: np.ndarray, predictions: np.ndarray, reference: tuple[np.ndarray, np.ndarray] | None
) -> Quality:
    """Returns the quality of requests with labels.

    Args:
        task: the kind of prediction.
        labels: class indexes int64[rows], or float[rows] for regression.
        predictions: scores float[rows, C], or float[rows].
        reference: labels and predictions of test; None where they are not known.
    """
    values, errors = with_errors(task, labels, predictions)
    expected, expected_errors = with_errors(task, *reference) if reference else ({}, {})
    return Quality(task, "with labels", len(labels), values, errors, expected, expected_errors)


def with_errors(task: Task, labels: np.ndarray, predictions: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    """Returns the metrics, and half the width of their 95 % intervals."""
    widths = metric_intervals.half_widths(task, labels, predictions, np.ones(len(labels)))
    return metrics.compute(task, labels, predictions), widths

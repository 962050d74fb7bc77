"""Compares the predictions for groups of rows, such as groups of people, with those for all other rows."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from core.spec import Task
from models.evaluation import metric_intervals, metrics

# The measures that are no metrics: shares of rows for which a binary model predicts the second class.
RATES = {
    "positive_rate": "of all rows",
    "true_positive_rate": "of the rows with the second class",
    "false_positive_rate": "of the rows with the first class",
}
MEASURES: dict[str, object] = {**metrics.METRICS, **RATES}
MIN_ROWS = 100  # the measures of a smaller group are mostly chance
MAX_GROUPS = 30  # the largest are compared


@dataclasses.dataclass(frozen=True)
class Gap:
    """A measure of a group beside that of all other rows.

    Attributes:
        value: that of the group.
        others: that of all other rows.
        half_width: half the width of the 95 % interval of their difference.
    """

    value: float
    others: float
    half_width: float

    @property
    def difference(self) -> float:
        """How much higher the value of the group is."""
        return self.value - self.others

    def is_beyond(self, limit: float) -> bool:
        """Whether the difference is larger than a limit, and chance does not explain it."""
        return abs(self.difference) - self.half_width > limit


@dataclasses.dataclass(frozen=True)
class Group:
    """A group of rows.

    Attributes:
        name: such as `gender = f`.
        rows: their number.
        gaps: its measures that both the group and the other rows define, by name.
    """

    name: str
    rows: int
    gaps: Mapping[str, Gap]


def groups(
    task: Task, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray, members: Mapping[str, np.ndarray]
) -> list[Group]:
    """Returns the groups of at least 100 rows that count, the largest first, at most 30.

    Args:
        task: the kind of prediction.
        labels: class indexes int64[rows], or float[rows] for regression.
        predictions: finite numbers float[rows, classes], or float[rows] for regression.
        weights: float[rows] >= 0.
        members: the numbers of the rows of each group by its name.
    """
    counted = weights > 0
    found = []
    for name, rows in members.items():
        inside = np.zeros(len(labels), bool)
        inside[rows] = True
        size = int(np.count_nonzero(inside & counted))
        if size >= MIN_ROWS and np.any(counted & ~inside):
            found.append((size, name, inside))
    largest = sorted(found, key=lambda group: (-group[0], group[1]))[:MAX_GROUPS]
    if not largest:
        return []
    columns = (labels, predictions, weights)
    whole = metric_intervals.half_widths(task, labels, predictions, weights, measure)
    return [Group(name, size, _gaps(task, columns, inside, whole)) for size, name, inside in largest]


def _gaps(
    task: Task, columns: tuple[np.ndarray, np.ndarray, np.ndarray], inside: np.ndarray, whole: Mapping[str, float]
) -> dict[str, Gap]:
    """Returns the gaps of a group. The interval of the other rows is that of all rows, widened to their number."""
    labels, predictions, weights = (column[inside] for column in columns)
    values, other_values = measure(task, labels, predictions, weights), measure(task, *(c[~inside] for c in columns))
    halves = metric_intervals.half_widths(task, labels, predictions, weights, measure)
    widened = math.sqrt(len(inside) / np.count_nonzero(~inside))
    return {
        name: Gap(values[name], other_values[name], math.hypot(halves[name], widened * whole[name]))
        for name in values
        if name in other_values and name in halves and name in whole
    }


def measure(task: Task, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Returns the metrics, and for a binary task the rates; those that the rows do not define are left out."""
    found = metrics.compute(task, labels, predictions, weights)
    if task != "binary":
        return found
    positive = predictions[:, 1] > 0.5
    rows = {"positive_rate": weights > 0, "true_positive_rate": labels == 1, "false_positive_rate": labels == 0}
    totals = {name: float(weights[chosen].sum()) for name, chosen in rows.items()}
    rates = {name: float(weights[rows[name] & positive].sum()) / total for name, total in totals.items() if total}
    return {**found, **rates}

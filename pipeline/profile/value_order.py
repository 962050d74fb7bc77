"""Finds whether a label follows the order of a whole number, as of an amount, or depends on each value, as of a code.

The variance of the label's means between values that are next to each other is compared with the variance of all of
these means, after the part that chance explains is taken away. It is small where the label follows the order. This is
von Neumann's ratio for means of groups.
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import pyarrow as pa

from core.spec import Task
from pipeline.profile.target_leakage import label_values, ranks_of

Order = Literal["monotone", "ordered", "unordered"]

_FEWEST_ROWS = 60
_FEWEST_VALUES = 4
_MOST_CLASSES = 10
_CLEAR = 5.0  # a z-value that chance does not explain
# The variance between neighbours as a share of that between all values: small, and large.
_ORDERED, _UNORDERED = 0.4, 0.6
_MONOTONE = 0.8  # the share of the variance between all values that a straight line explains


def orders(sample: pa.Table, label: str, task: Task, columns: Iterable[str]) -> dict[str, Order]:
    """Returns for each column of whole numbers whether the label follows its order; without those that are unclear.

    Args:
        sample: rows with the label and the columns, null where a value is missing.
        label: the label's column.
        task: what kind of prediction it is.
        columns: the columns to look at.
    """
    if sample.num_rows < _FEWEST_ROWS:
        return {}
    targets = _targets(label_values(sample[label], task), task)
    found = {column: _order(ranks_of(sample[column]), targets) for column in columns}
    return {column: order for column, order in found.items() if order}


def _targets(label: np.ndarray, task: Task) -> np.ndarray:
    """Returns float64[rows, targets]: the ranks of numbers, or one column for each of the frequent classes."""
    if task == "regression":
        _, inverse, counts = np.unique(label, return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - counts / 2)[inverse][:, None]
    classes, counts = np.unique(label, return_counts=True)
    frequent = classes[np.argsort(-counts, kind="stable")[:_MOST_CLASSES]]
    return (label[:, None] == frequent[1 if len(classes) == 2 else 0 :]).astype(np.float64)


def _order(ranks: np.ndarray, targets: np.ndarray) -> Order | None:
    known = ranks > 0
    groups = ranks[known] - 1
    counts = np.bincount(groups)
    rows, values = len(groups), len(counts)
    if values < _FEWEST_VALUES or rows < max(_FEWEST_ROWS, values + 2):
        return None
    targets = targets[known]
    means = np.stack([np.bincount(groups, target) for target in targets.T], axis=1) / counts[:, None]
    noise = ((targets - means[groups]) ** 2).sum(axis=0) / (rows - values)
    noise = np.maximum(noise, 1e-9 * targets.var(axis=0) + 1e-300)
    # Each sum of squares has an expectation of 1 a degree of freedom where the value does not matter.
    total = (counts[:, None] * (means - targets.mean(axis=0)) ** 2 / noise).sum()
    weights = 1 / (1 / counts[1:] + 1 / counts[:-1])
    adjacent = (weights[:, None] * np.diff(means, axis=0) ** 2 / noise).sum()
    freedom = (values - 1) * targets.shape[1]
    spread = np.sqrt(2 * freedom)
    if (total - freedom) / spread < _CLEAR:
        return None
    of_total = (total - freedom) / (rows - (counts**2).sum() / rows)
    of_adjacent = (adjacent - freedom) / (2 * weights.sum())
    if of_adjacent < _ORDERED * of_total:
        return "monotone" if _explained_by_line(means, counts) > _MONOTONE else "ordered"
    jagged = (adjacent - freedom) / spread > _CLEAR
    return "unordered" if jagged and of_adjacent > _UNORDERED * of_total else None


def _explained_by_line(means: np.ndarray, counts: np.ndarray) -> float:
    """Returns the share of the variance of the means that grows or falls evenly from each value to the next."""
    places = np.arange(len(counts)) - np.average(np.arange(len(counts)), weights=counts)
    deviations = means - np.average(means, axis=0, weights=counts)
    slopes = (counts * places) @ deviations
    return float((slopes**2).sum() / ((counts * places**2).sum() * (counts @ deviations**2).sum()))

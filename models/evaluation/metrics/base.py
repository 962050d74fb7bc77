"""Defines a metric: its name, the tasks that it applies to, its direction and the function that computes it."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from core.spec import Task


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric of the predictions for some rows.

    Attributes:
        name: the name in `METRICS`, in summaries and in `evaluate.gates`.
        tasks: the tasks that it applies to.
        greater_is_better: whether a higher value means a better model.
        compute: a function of labels, predictions and weights. It returns the value, or None where these rows do not
            define it. There is at least one row. Labels are int64[rows] class indexes, or float64[rows] for regression;
            predictions are float64[rows] for regression and for a binary task (the probability of the second class),
            and float64[rows, classes] for a multiclass task; weights are float[rows] > 0, or None where all rows
            count the same.
        bounds: the least and the greatest value that the metric can have.
    """

    name: str
    tasks: tuple[Task, ...]
    greater_is_better: bool
    compute: Callable[[np.ndarray, np.ndarray, np.ndarray | None], float | None]
    bounds: tuple[float, float] = (-math.inf, math.inf)

"""Computes 95 % confidence intervals of the metrics of one model by the delete-group jackknife."""

from collections.abc import Callable

import numpy as np

from core.spec import Task
from models.evaluation import metrics

GROUPS = 20
MAX_ROWS = 10_000  # of more rows a sample is taken, and the interval is narrowed to the number of all rows
_T = 2.093  # the 97.5 % quantile of Student's t with GROUPS - 1 degrees of freedom


def half_widths(
    task: Task,
    labels: np.ndarray,
    predictions: np.ndarray,
    weights: np.ndarray,
    compute: Callable[..., dict[str, float]] = metrics.compute,
) -> dict[str, float]:
    """Returns half the width of the interval of each metric.

    Each of 20 random groups of rows is left out once, and the metrics are computed over the others. A metric that some
    of these rows do not define has no interval; with fewer than 20 rows none has.

    Args:
        task: the kind of prediction.
        labels: class indexes int64[rows], or float[rows] for regression.
        predictions: finite numbers float[rows, classes], or float[rows] for regression.
        weights: float[rows] >= 0.
        compute: computes the metrics from the other arguments.
    """
    import sklearn

    counted = np.flatnonzero(weights > 0)
    if len(counted) < GROUPS:
        return {}
    rows = np.random.default_rng(0).permutation(counted)[:MAX_ROWS]
    labels, predictions, weights = labels[rows], predictions[rows], weights[rows]
    group = np.arange(len(rows)) % GROUPS
    # Most of the time of a metric of few rows would be the validation of what is known to be valid.
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        found = [
            compute(task, labels[kept], predictions[kept], weights[kept])
            for kept in (group != left_out for left_out in range(GROUPS))
        ]
    scale = _T * np.sqrt((GROUPS - 1) * len(rows) / len(counted))
    return {
        name: float(scale * np.std([values[name] for values in found]))
        for name in found[0]
        if all(name in values for values in found)
    }

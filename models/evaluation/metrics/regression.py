"""Defines the metrics of regression. Scikit-learn is imported when a metric is computed: it takes seconds."""

import math

import numpy as np

from models.evaluation.metrics.base import Metric

_Weights = np.ndarray | None


def _rmse(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float:
    return float(np.sqrt(np.average((predictions - labels) ** 2, weights=weights)))


def _mae(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float:
    return float(np.average(np.abs(predictions - labels), weights=weights))


def _r2(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float | None:
    from sklearn.metrics import r2_score

    return r2_score(labels, predictions, sample_weight=weights) if np.ptp(labels) else None


RMSE = Metric("rmse", ("regression",), False, _rmse, (0, math.inf))
MAE = Metric("mae", ("regression",), False, _mae, (0, math.inf))
R2 = Metric("r2", ("regression",), True, _r2, (-math.inf, 1))

"""Defines the metrics of classifiers. Scikit-learn is imported when a metric is computed: it takes seconds."""

import math

import numpy as np

from models.evaluation.metrics.base import Metric

_Weights = np.ndarray | None


def _auc(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float | None:
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(labels, predictions, sample_weight=weights) if len(np.unique(labels)) > 1 else None


def _average_precision(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float | None:
    from sklearn.metrics import average_precision_score

    return average_precision_score(labels, predictions, sample_weight=weights) if len(np.unique(labels)) > 1 else None


def _log_loss(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float:
    from sklearn.metrics import log_loss

    if predictions.ndim == 1:
        scores = np.stack([1 - predictions, predictions], axis=1)
    else:  # float32 scores add up to 1 only nearly, which scikit-learn warns of
        scores = predictions / predictions.sum(axis=1, keepdims=True)
    return log_loss(labels, scores, sample_weight=weights, labels=range(scores.shape[1]))


def _accuracy(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float:
    from sklearn.metrics import accuracy_score

    predicted = predictions > 0.5 if predictions.ndim == 1 else predictions.argmax(axis=1)
    return accuracy_score(labels, predicted, sample_weight=weights)


def _brier(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float:
    return float(np.average((predictions - labels) ** 2, weights=weights))


def _macro_f1(labels: np.ndarray, predictions: np.ndarray, weights: _Weights) -> float:
    from sklearn.metrics import f1_score

    return f1_score(labels, predictions.argmax(axis=1), average="macro", sample_weight=weights, zero_division=0)


AUC = Metric("auc", ("binary",), True, _auc, (0, 1))
AVERAGE_PRECISION = Metric("average_precision", ("binary",), True, _average_precision, (0, 1))
LOG_LOSS = Metric("log_loss", ("binary", "multiclass"), False, _log_loss, (0, math.inf))
ACCURACY = Metric("accuracy", ("binary", "multiclass"), True, _accuracy, (0, 1))
BRIER = Metric("brier", ("binary",), False, _brier, (0, 1))
MACRO_F1 = Metric("macro_f1", ("multiclass",), True, _macro_f1, (0, 1))

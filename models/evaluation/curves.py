"""Computes the curves of one model over test: ROC, precision and recall, calibration, confusion, errors.

Curves are lists of points with a bounded length, so that they can be kept as JSON.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.spec import Label

_POINTS = 150
_BINS = 10
_CLASSES = 12  # the most frequent classes have a row in the confusion matrix; the others share one
_RANKED_CLASSES = 6  # as many as a chart has colours
_OTHER = "(other classes)"
_CELLS = 24
_BARS = 30

Json = dict[str, Any]


def of(label: Label, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> Json:
    """Returns the curves of a task as JSON values.

    Args:
        label: the label.
        labels: class indexes int64[rows], or float[rows] for regression.
        predictions: finite numbers float[rows, classes], or float[rows] for regression.
        weights: float[rows] >= 0.
    """
    counted = weights > 0
    labels, predictions, weights = labels[counted], predictions[counted].astype(np.float64), weights[counted]
    if label.task == "regression":
        return _regression(labels.astype(np.float64), predictions, weights)
    confusion = {"confusion": _confusion(label, labels, predictions.argmax(axis=1), weights)}
    if label.task == "multiclass":
        right = (predictions.argmax(axis=1) == labels).astype(np.float64)
        by_class = _by_class(label, labels, predictions, weights)
        return {**confusion, "by_class": by_class, "calibration": _calibration(right, predictions.max(axis=1), weights)}
    positive, scores = (labels == 1).astype(np.float64), predictions[:, 1]
    return {
        **confusion,
        **_ranking(positive, scores, weights),
        "calibration": _calibration(positive, scores, weights),
        "thresholds": _thresholds(positive, scores, weights),
    }


def _ranking(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> Json:
    """Returns the ROC curve as [false positive rate, true positive rate], and [recall, precision]."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # equal scores are one point
    hits = np.cumsum((weights * positive)[order])[ends]
    alarms = np.cumsum((weights * (1 - positive))[order])[ends]
    if not hits[-1] or not alarms[-1]:
        return {}
    kept = np.unique(np.linspace(0, len(ends) - 1, _POINTS).round().astype(int))
    rates = zip(alarms[kept] / alarms[-1], hits[kept] / hits[-1], strict=True)
    precision = hits[kept] / (hits[kept] + alarms[kept])
    return {
        "roc": [[0.0, 0.0], *(numbers(pair) for pair in rates)],
        "precision_recall": [numbers(pair) for pair in zip(hits[kept] / hits[-1], precision, strict=True)],
    }


def _by_class(label: Label, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> list[Json]:
    """Returns the ranking of each of the most frequent classes against all others, by the score of the class."""
    counts = np.bincount(labels, weights, len(label.classes))
    frequent = np.sort(np.argsort(-counts, kind="stable")[:_RANKED_CLASSES])
    rankings = (
        (label.classes[index], _ranking((labels == index).astype(np.float64), predictions[:, index], weights))
        for index in frequent
    )
    return [{"class": name, **ranking} for name, ranking in rankings if ranking]


def _calibration(outcome: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> list[Json]:
    """Returns by bins of equal size the mean score, the share of rows with the outcome and its 95 % interval."""
    found = []
    for rows in np.array_split(np.argsort(scores, kind="stable"), min(_BINS, len(scores))):
        share, count = np.average(outcome[rows], weights=weights[rows]), len(rows)
        # Wilson's interval, which stays between 0 and 1.
        z = 1.96
        middle = (share + z * z / (2 * count)) / (1 + z * z / count)
        half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
        score = np.average(scores[rows], weights=weights[rows])
        names = ("score", "share", "low", "high", "rows")
        values = (score, share, max(0.0, middle - half), min(1.0, middle + half), count)
        found.append(dict(zip(names, numbers(values), strict=True)))
    return found


def _thresholds(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> Json:
    """Returns for each threshold the weight of the true and of the false positives, and the weight of both classes."""
    thresholds = np.linspace(0, 1, 101)
    order = np.argsort(scores)
    first = np.searchsorted(scores[order], thresholds, side="right")  # a higher score than the threshold is positive

    def above(values: np.ndarray) -> np.ndarray:
        return values.sum() - np.concatenate([[0.0], np.cumsum(values[order])])[first]

    hits, alarms = weights * positive, weights * (1 - positive)
    return {
        "true_positives": numbers(above(hits)),
        "false_positives": numbers(above(alarms)),
        "positives": float(hits.sum()),
        "negatives": float(alarms.sum()),
    }


def _confusion(label: Label, labels: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> Json:
    """Returns the confusion matrix: a row for each class, a column for each predicted class."""
    size = len(label.classes)
    frequent = np.sort(np.argsort(-np.bincount(labels, weights, size), kind="stable")[:_CLASSES])
    place = np.full(size, len(frequent))
    place[frequent] = np.arange(len(frequent))
    names = [label.classes[index] for index in frequent] + ([_OTHER] if size > len(frequent) else [])
    flat = np.bincount(place[labels] * len(names) + place[predicted], weights, len(names) ** 2)
    return {"classes": names, "matrix": [numbers(row) for row in flat.reshape(len(names), -1)]}


def _regression(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> Json:
    low, high = np.quantile(np.concatenate([labels, predictions]), [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1, _CELLS + 1)
    true, predicted = (np.clip(values, edges[0], edges[-1]) for values in (labels, predictions))
    cells, *_ = np.histogram2d(true, predicted, [edges, edges], weights=weights)
    residuals = predictions - labels
    reach = np.quantile(np.abs(residuals), 0.99) or 1.0
    counts, bounds = np.histogram(np.clip(residuals, -reach, reach), _BARS, (-reach, reach), weights=weights)
    return {
        "predicted_against_true": {"edges": numbers(edges), "cells": [numbers(row) for row in cells]},
        "residuals": {"edges": numbers(bounds), "rows": numbers(counts)},
        "deciles": _deciles(labels, predictions, weights),
    }


def _deciles(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> list[Json]:
    """Returns the mean of labels, predictions and absolute errors for each tenth of the rows by prediction."""
    found = []
    for rows in np.array_split(np.argsort(predictions, kind="stable"), min(_BINS, len(predictions))):
        columns = (predictions[rows], labels[rows], np.abs(predictions - labels)[rows])
        means = numbers(np.average(column, weights=weights[rows]) for column in columns)
        found.append(dict(zip(("predicted", "true", "error", "rows"), [*means, len(rows)], strict=True)))
    return found


def numbers(values: Iterable[float]) -> list[float]:
    """Returns numbers with six digits, which keep the JSON short."""
    return [float(f"{value:.6g}") for value in values]

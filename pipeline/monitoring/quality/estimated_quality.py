"""Estimates the quality of predictions for which no labels came.

Classification: confidence-based performance estimation (Kivimäki et al. 2025, arXiv 2505.05295): the scores are
calibrated on test (logistic regression on their logarithms: Platt 1999, Kull et al. 2019), and a metric is the one
that is expected where the label follows the calibrated probabilities. Regression: direct loss estimation, as NannyML's
documentation describes it: a model of the loss, learned on test, is averaged over the requests.

Both hold where the relation of label and features has not changed. The error is that of resampled test and requests
(bootstrap); it does not cover a changed relation.
"""

import numpy as np

from core.spec import Task
from models.evaluation import metrics
from pipeline.monitoring.quality.measured_quality import Quality, with_errors

METHODS = {"regression": "estimated by direct loss estimation"}
_CBPE = "estimated from confidence"
_RESAMPLES = {"classification": 30, "regression": 8}
_MOST_REQUESTS = 10_000
_LEAST_SCORE = 1e-6


def classification(task: Task, requests: np.ndarray, reference: tuple[np.ndarray, np.ndarray]) -> Quality | None:
    """Returns the estimate from scores.

    Args:
        task: `binary` or `multiclass`.
        requests: the scores of requests, float[rows, C].
        reference: labels int64[rows] and scores float[rows, C] of test.

    Returns:
        The estimate; None where test does not have all classes.
    """
    labels, scores = reference
    if len(np.unique(labels)) < scores.shape[1]:
        return None
    requests = requests[:_MOST_REQUESTS]
    values = _expected_metrics(task, requests, _calibrated(labels, scores, requests))
    random, found = np.random.default_rng(0), []
    for _ in range(_RESAMPLES["classification"]):
        chosen = random.integers(len(labels), size=len(labels))
        drawn = requests[random.integers(len(requests), size=len(requests))]
        if len(np.unique(labels[chosen])) == scores.shape[1]:
            found.append(_expected_metrics(task, drawn, _calibrated(labels[chosen], scores[chosen], drawn)))
    return _quality(task, _CBPE, len(requests), values, found, reference)


def _calibrated(labels: np.ndarray, scores: np.ndarray, requests: np.ndarray) -> np.ndarray:
    """Returns the calibrated probabilities of requests."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=100.0, max_iter=200).fit(_logits(scores), labels)
    return np.asarray(fitted.predict_proba(_logits(requests)))


def _logits(scores: np.ndarray) -> np.ndarray:
    logarithms = np.log(np.clip(scores, _LEAST_SCORE, 1))
    return logarithms[:, 1:] - logarithms[:, :1]


def _expected_metrics(task: Task, scores: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Returns the metrics where every request counts for each class by its probability."""
    count, classes = scores.shape
    labels = np.repeat(np.arange(classes), count)
    return metrics.compute(task, labels, np.tile(scores, (classes, 1)), probabilities.T.ravel())


def regression(
    requests: tuple[np.ndarray, np.ndarray],
    reference: tuple[np.ndarray, np.ndarray],
    reference_matrix: np.ndarray,
) -> Quality:
    """Returns the estimates of `rmse` and `mae`.

    Args:
        requests: features as `scoring.matrix` gives them, float[rows, features], and predictions float[rows].
        reference: labels and predictions of test, float[rows] each.
        reference_matrix: the features of test.
    """
    labels, predictions = reference
    known = np.column_stack([reference_matrix, predictions])
    asked = np.column_stack(requests)[:_MOST_REQUESTS]
    residuals = np.abs(labels - predictions)
    values = _expected_losses(known, residuals, asked)
    random, found = np.random.default_rng(0), []
    for _ in range(_RESAMPLES["regression"]):
        chosen = random.integers(len(labels), size=len(labels))
        drawn = random.integers(len(asked), size=len(asked))
        found.append(_expected_losses(known[chosen], residuals[chosen], asked[drawn]))
    return _quality("regression", METHODS["regression"], len(asked), values, found, reference)


def _expected_losses(known: np.ndarray, residuals: np.ndarray, asked: np.ndarray) -> dict[str, float]:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    means = {}
    for name, losses in (("rmse", residuals**2), ("mae", residuals)):
        model = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=8, min_samples_leaf=50, random_state=0)
        with threadpool_limits(1):  # the threads of a small fit wait for each other
            means[name] = max(0.0, float(model.fit(known, losses).predict(asked).mean()))
    return {"rmse": float(np.sqrt(means["rmse"])), "mae": means["mae"]}


def _quality(
    task: Task,
    how: str,
    rows: int,
    values: dict[str, float],
    resampled: list[dict[str, float]],
    reference: tuple[np.ndarray, np.ndarray],
) -> Quality:
    errors = {name: 1.96 * float(np.std([found[name] for found in resampled if name in found])) for name in values}
    expected, expected_errors = with_errors(task, *reference)
    return Quality(task, how, rows, values, errors, expected, expected_errors)

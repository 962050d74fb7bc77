"""Rows with the predictions of several models, for the tests of comparisons and gates."""

import numpy as np

from models.evaluation.model_comparison import ModelPredictions


def rows_of(labels, weights=None, **predictions) -> ModelPredictions:
    """Returns rows with the predictions by model."""
    labels = np.asarray(labels)
    ones = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    return ModelPredictions(labels, ones, {name: np.asarray(given, np.float32) for name, given in predictions.items()})


def scores_of(yes) -> np.ndarray:
    """Returns the scores of both classes, given those of the second."""
    yes = np.asarray(yes)
    return np.stack([1 - yes, yes], axis=1)


def two_models(number: int, noise: float) -> ModelPredictions:
    """A linear model that sees the truth, and a candidate that sees it through noise."""
    random = np.random.default_rng(3)
    truth = random.normal(size=number)
    labels = (truth + random.normal(size=number) > 0).astype(np.int64)
    blurred = truth + noise * random.normal(size=number)
    yes = {name: 1 / (1 + np.exp(-probability)) for name, probability in (("candidate", blurred), ("linear", truth))}
    return rows_of(
        labels,
        constant=scores_of([0.5] * number),
        **{name: scores_of(probability) for name, probability in yes.items()},
    )

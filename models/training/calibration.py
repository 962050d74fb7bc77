"""Calibrates the scores of a classifier by a temperature.

The method is temperature scaling, Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv 1706.04599: the
logarithms of the scores are divided by one number, which keeps their order.
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy import optimize

from core.spec import Task

_RANGE = (0.25, 4.0)
_LEAST = 1e-7  # scores below are taken as this, also in float32
# The likelihood-ratio test of one parameter, at the level of 0.01: chi-squared with one degree of freedom.
_CRITICAL = 6.63


def temperature(task: Task, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Returns the temperature with the least log loss; 1 where it is not better than none by more than chance.

    Args:
        task: the kind of prediction; regressions have no temperature.
        labels: class indexes int64[rows].
        scores: float[rows, classes].
        weights: float[rows]; None where all rows have the same weight.
    """
    if task == "regression":
        return 1.0
    counted = np.ones(len(labels)) if weights is None else weights / max(float(np.mean(weights)), 1e-12)

    def loss(logarithm: float) -> float:
        calibrated = scaled(scores, float(np.exp(logarithm)))[np.arange(len(labels)), labels]
        return float(-np.log(np.clip(calibrated, _LEAST, None)) @ counted)

    found = optimize.minimize_scalar(loss, bounds=tuple(np.log(_RANGE)), method="bounded")
    return float(np.exp(found.x)) if 2 * (loss(0.0) - found.fun) > _CRITICAL else 1.0


def scaled(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Returns float64[rows, classes]: scores at a temperature. Above 1 they are less certain."""
    powers = np.clip(scores.astype(np.float64), _LEAST, None) ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@keras.saving.register_keras_serializable("skewless")
class Temperature(keras.layers.Layer):
    """Scales scores as `scaled` does."""

    def __init__(self, temperature: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = float(temperature)

    def call(self, scores: keras.KerasTensor) -> keras.KerasTensor:
        """Returns float32[batch, classes] that add up to 1."""
        return ops.softmax(ops.log(ops.maximum(scores, _LEAST)) / self.temperature, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "temperature": self.temperature}

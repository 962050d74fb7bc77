"""Defines the layers of RealMLP: robust scaling, periodic embeddings, and dense layers of any width at one rate.

From Holzmüller et al. 2024, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data", arXiv
2407.04491. There some weights learn at a rate of their own. Adam's steps do not depend on the size of a gradient, so a
weight that is used `rate` times its variable learns `rate` times as fast.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from core.spec import Input
from models.preprocessing.packing import of_kind

_FASTER = 6.0  # the rate of the factors of `Scaling`
_SLOWER = 0.1  # the rate of biases, embeddings and activations
_FEWEST_BOUNDARIES = 3  # which have quartiles
_LARGEST = 1e6  # the square of a larger number would be near the end of float32


def smoothly_clipped(inputs: tuple[Input, ...], numeric: keras.KerasTensor) -> keras.KerasTensor:
    """Returns z / sqrt(1 + (z / 3)^2), between -3 and 3, of numerics z whose quartiles are one apart.

    A numeric with too few quantiles has mean 0 and standard deviation 1 in place of median 0 and distance 1.
    """
    centre, spread = np.array([_centre_and_spread(feature) for feature in of_kind(inputs, "numeric")], np.float32).T
    z = ops.clip((numeric - centre) / np.maximum(spread, np.finfo(np.float32).tiny), -_LARGEST, _LARGEST)
    return z / ops.sqrt(1 + ops.square(z / 3))


def _centre_and_spread(feature: Input) -> tuple[float, float]:
    if len(feature.boundaries) < _FEWEST_BOUNDARIES:
        return feature.mean, feature.std
    low, centre, high = np.quantile(feature.boundaries, [0.25, 0.5, 0.75])
    return centre, high - low


@keras.saving.register_keras_serializable("skewless")
class PeriodicEmbedding(keras.layers.Layer):
    """Embeds each numeric x as x itself, beside a linear layer over cosines of x of learned frequencies (PBLD).

    Args:
        units: the length of an embedding, x included; at least 2.
        frequencies: the number of cosines of a numeric.
        sigma: the standard deviation of the frequencies at the start.

    Input: float32[batch, numerics]. Output: float32[batch, numerics, units].
    """

    def __init__(self, units: int, frequencies: int = 16, sigma: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.frequencies, self.sigma = units, frequencies, sigma

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        count = shape[-1]
        limit = 1 / np.sqrt(self.frequencies)
        normal = keras.initializers.RandomNormal(stddev=self.sigma / _SLOWER)
        self.frequency = self.add_weight(shape=(count, self.frequencies), initializer=normal, name="frequency")
        self.phase = self.add_weight(shape=(count, self.frequencies), initializer=_uniform(np.pi), name="phase")
        self.kernel = self.add_weight(
            shape=(count, self.frequencies, self.units - 1), initializer=_uniform(limit), name="kernel"
        )
        self.bias = self.add_weight(shape=(count, self.units - 1), initializer=_uniform(limit), name="bias")

    def call(self, numeric: keras.KerasTensor) -> keras.KerasTensor:
        """Embeds."""
        angles = 2 * np.pi * numeric[..., None] * (_SLOWER * self.frequency) + _SLOWER * self.phase
        embedded = ops.einsum("bnf,nfu->bnu", ops.cos(angles), _SLOWER * self.kernel) + _SLOWER * self.bias
        return ops.concatenate([numeric[..., None], embedded], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "frequencies": self.frequencies, "sigma": self.sigma}


def _uniform(limit: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-limit / _SLOWER, limit / _SLOWER)


@keras.saving.register_keras_serializable("skewless")
class Scaling(keras.layers.Layer):
    """Multiplies each input by a learned factor, which begins with 1: a soft selection of features.

    Input and output: float32[batch, width].
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        self.change = self.add_weight(shape=(shape[-1],), initializer="zeros", name="change")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Scales."""
        return inputs * (1 + _FASTER * self.change)


@keras.saving.register_keras_serializable("skewless")
class NeuralTangentDense(keras.layers.Layer):
    """A dense layer in the neural tangent parametrisation: inputs @ kernel / sqrt(width) + bias.

    The kernel begins with the same deviation for every width, so one learning rate fits all widths.

    Args:
        units: the number of outputs.
        scale: the standard deviation of kernel and bias at the start.

    Input: float32[batch, width]. Output: float32[batch, units].
    """

    def __init__(self, units: int, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.scale = units, scale

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        kernel, bias = (keras.initializers.RandomNormal(stddev=self.scale / rate) for rate in (1.0, _SLOWER))
        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer=kernel, name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer=bias, name="bias")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Applies the layer."""
        return ops.matmul(inputs, self.kernel) / np.sqrt(inputs.shape[-1]) + _SLOWER * self.bias

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "scale": self.scale}


@keras.saving.register_keras_serializable("skewless")
class ParametricActivation(keras.layers.Layer):
    """Blends each unit with its activation: x + a * (activation(x) - x), where a is learned and begins with 1.

    Input and output: float32[batch, units].
    """

    def __init__(self, activation: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activation

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        self.change = self.add_weight(shape=(shape[-1],), initializer="zeros", name="change")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Activates."""
        activated = keras.activations.get(self.activation)(inputs)
        return inputs + (1 + _SLOWER * self.change) * (activated - inputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "activation": self.activation}

"""Defines the input layers of the networks: Keras preprocessing layers and embeddings, set from statistics of train.

No layer is adapted. Each one encodes all inputs of its kind at once.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from core.spec import Input
from models.preprocessing.packing import of_kind

_LARGEST = 1e3  # standard deviations, which hardly any value but an outlier is away from the mean
# TensorFlow divides by multiplying with the inverse, and takes numbers below `tiny` for 0.
_LEAST_DIVISOR = np.finfo(np.float32).tiny
_LARGEST_DIVISOR = 1 / _LEAST_DIVISOR


def normalised(inputs: tuple[Input, ...], numeric: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the numerics with mean 0 and standard deviation 1 on train, float32[batch, numerics].

    Beyond one standard deviation they grow as the logarithm, so that an outlier does not dominate the other values.
    """
    mean, std = np.array([(feature.mean, feature.std) for feature in of_kind(inputs, "numeric")], np.float32).T
    z = ops.clip((numeric - mean) / np.clip(std, _LEAST_DIVISOR, _LARGEST_DIVISOR), -_LARGEST, _LARGEST)
    return ops.sign(z) * (ops.minimum(ops.abs(z), 1.0) + ops.log(ops.maximum(ops.abs(z), 1.0)))


@keras.saving.register_keras_serializable("skewless")
class PiecewiseLinear(keras.layers.Layer):
    """Encodes each numeric by how far it has come through each of its quantile bins.

    A value below a bin gives 0, above it 1, and inside it the fraction of the way (Gorishniy et al. 2022, "On
    Embeddings for Numerical Features in Tabular Deep Learning", arXiv 2203.05556, section 3.2). The bins lie between a
    numeric's inner quantiles; what lies beyond the first and the last of them is for the normalised value to say.

    Args:
        boundaries: one growing sequence a numeric; may be empty.

    Input: float32[batch, numerics]. Output: float32[batch, numerics, bins] with the bins of the numeric that has most.
    """

    def __init__(self, boundaries: Sequence[Sequence[float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.boundaries = [list(edges) for edges in boundaries]
        bins = max(1, *(len(edges) - 1 for edges in boundaries)) if boundaries else 1
        # A bin that a numeric lacks is infinitely wide: all values have come 0 of the way.
        self._low = np.zeros([len(boundaries), bins], np.float32)
        self._width = np.full([len(boundaries), bins], np.inf, np.float32)
        for row, edges in enumerate(np.unique(np.asarray(edges, np.float32)) for edges in boundaries):
            self._low[row, : max(0, len(edges) - 1)] = edges[:-1]
            with np.errstate(over="ignore"):
                widths = np.clip(np.diff(edges), _LEAST_DIVISOR, _LARGEST_DIVISOR)
            self._width[row, : len(widths)] = widths

    def call(self, numeric: keras.KerasTensor) -> keras.KerasTensor:
        """Encodes."""
        return ops.clip((numeric[..., None] - self._low) / self._width, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "boundaries": self.boundaries}


@keras.saving.register_keras_serializable("skewless")
class PerFeatureDense(keras.layers.Layer):
    """A dense layer for each numeric over its own encoding, with weights of its own.

    Input: float32[batch, numerics, bins]. Output: float32[batch, numerics, units].
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape: tuple[Any, ...]) -> None:
        """Makes the weights."""
        _, features, bins = shape
        limit = keras.initializers.RandomUniform(-1 / math.sqrt(bins), 1 / math.sqrt(bins))
        self.kernel = self.add_weight(shape=(features, bins, self.units), initializer=limit, name="kernel")
        self.bias = self.add_weight(shape=(features, self.units), initializer=limit, name="bias")

    def call(self, encoded: keras.KerasTensor) -> keras.KerasTensor:
        """Applies each numeric's own weights."""
        return ops.einsum("bft,ftu->bfu", encoded, self.kernel) + self.bias

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("skewless")
class MemberScaling(keras.layers.Layer):
    """Gives each member of an ensemble its own scaling of the same inputs, which begins with random signs.

    Input: float32[batch, width]. Output: float32[batch, members, width].
    """

    def __init__(self, members: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.members = members

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        self.scale = self.add_weight(shape=(self.members, shape[-1]), initializer=_random_signs, name="scale")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Scales."""
        return inputs[:, None, :] * self.scale

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "members": self.members}


def _random_signs(shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
    return ops.where(keras.random.uniform(shape, -1.0, 1.0) < 0, -1.0, 1.0)


@keras.saving.register_keras_serializable("skewless")
class FusedEmbedding(keras.layers.Layer):
    """The embeddings of many categoricals in one table: each has its own rows there.

    One lookup in place of one a categorical: a thousand of them build and run as fast as one.

    Args:
        sizes: how many indexes each categorical has.
        units: the length of an embedding.
        scale: the standard deviation of what it begins with. With Keras's own, 0.05, a network on tables learns what
            few rows share long after what many do, and overfits before.

    Input: int32[batch, categoricals, ...], each in [0, size). Output: float32[batch, categoricals, ..., units].
    """

    def __init__(self, sizes: Sequence[int], units: int, scale: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes, self.units, self.scale = list(sizes), units, scale
        self._offsets = np.cumsum([0, *self.sizes[:-1]]).astype(np.int32)
        self.table = keras.layers.Embedding(
            sum(self.sizes), units, embeddings_initializer=keras.initializers.RandomNormal(stddev=scale)
        )

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights."""
        self.table.build(shape)

    def call(self, indexes: keras.KerasTensor) -> keras.KerasTensor:
        """Looks the embeddings up."""
        offsets = self._offsets.reshape([-1] + [1] * (len(indexes.shape) - 2))
        return self.table(indexes + offsets)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "sizes": self.sizes, "units": self.units, "scale": self.scale}


def text_embedding(
    inputs: tuple[Input, ...], tokens: keras.KerasTensor, units: int, scale: float = 0.3
) -> keras.KerasTensor:
    """Returns the mean embedding of each text's tokens: float32[batch, texts, units], 0 for an empty text."""
    sizes = [model_input.size for model_input in of_kind(inputs, "tokens")]
    embedded = FusedEmbedding(sizes, units, scale, name="text_embedding")(
        tokens
    )  # float32[batch, texts, length, units]
    present = ops.cast(tokens != 0, "float32")[..., None]
    return ops.sum(embedded * present, axis=2) / ops.maximum(ops.sum(present, axis=2), 1.0)


def categorical_embedding(
    inputs: tuple[Input, ...], categorical: keras.KerasTensor, units: int, scale: float = 0.3
) -> keras.KerasTensor:
    """Returns an embedding a categorical: float32[batch, categoricals, units]."""
    sizes = [model_input.size for model_input in of_kind(inputs, "categorical")]
    return FusedEmbedding(sizes, units, scale, name="categorical_embedding")(categorical)


def joined(parts: Mapping[str, keras.KerasTensor]) -> keras.KerasTensor:
    """Returns all parts side by side: float32[batch, width]."""
    flat = [part if len(part.shape) == 2 else keras.layers.Flatten()(part) for part in parts.values()]
    return flat[0] if len(flat) == 1 else keras.layers.Concatenate()(flat)

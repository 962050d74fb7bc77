"""A multilayer perceptron on piecewise-linear encodings of the numerics and embeddings of everything else.

The encoding is from Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning", arXiv
2203.05556: it lets a plain network follow the steps that trees follow.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from core.spec import Input
from models.families import layers
from models.preprocessing.packing import keras_inputs, of_kind

# How many bins all numerics have together at most, but for the fewest that each has: 48 each up to 340 numerics.
_BINS = 16_384
_FEWEST_BINS = 8


def build(inputs: tuple[Input, ...], outputs: int, hyperparameters: Mapping[str, Any]) -> keras.Model:
    """Returns the model. See `models.families.get`."""
    packed = keras_inputs(inputs)
    hidden = layers.joined(encode(inputs, packed, hyperparameters["embedding_size"]))
    for number in range(1, hyperparameters["layers"] + 1):
        hidden = keras.layers.Dense(hyperparameters["units"], name=f"hidden_{number}")(hidden)
        hidden = keras.layers.Activation(hyperparameters["activation"])(hidden)
        hidden = keras.layers.Dropout(hyperparameters["dropout"])(hidden)
    return keras.Model(packed, keras.layers.Dense(outputs, name="output")(hidden), name="mlp")


def encode(
    inputs: tuple[Input, ...], packed: Mapping[str, keras.KerasTensor], units: int
) -> dict[str, keras.KerasTensor]:
    """Returns each kind's encoding."""
    parts = {}
    if "numeric" in packed:
        bins = layers.PiecewiseLinear(_boundaries(of_kind(inputs, "numeric")), name="piecewise_linear")
        embedding = layers.EachOwnDense(units, name="numeric_embedding")(bins(packed["numeric"]))
        parts["normalised"] = layers.normalised(inputs, packed["numeric"])
        parts["numeric"] = keras.layers.Activation("relu")(embedding)
    if "categorical" in packed:
        parts["categorical"] = layers.categorical_embedding(inputs, packed["categorical"], units)
    if "tokens" in packed:
        parts["tokens"] = layers.text_embedding(inputs, packed["tokens"], units)
    return parts


def _boundaries(numerics: tuple[Input, ...]) -> list[list[float]]:
    """Returns the boundaries of each numeric, thinned out where a wide table would have too many in all."""
    most = max(_FEWEST_BINS, _BINS // max(1, len(numerics))) + 1
    found = []
    for each in numerics:
        kept = np.linspace(0, len(each.boundaries) - 1, min(most, len(each.boundaries))).round().astype(int)
        found.append([each.boundaries[index] for index in kept])
    return found

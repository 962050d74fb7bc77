"""Builds a multilayer perceptron on piecewise-linear encodings of numerics, and embeddings of the other inputs.

The encoding is from Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning", arXiv
2203.05556.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.spec import Input
from models.families.family import Choice, Number, network

if TYPE_CHECKING:
    import keras

# The largest number of bins of all numerics together, unless each has only the fewest: 48 each up to 340 numerics.
_BINS = 16_384
_FEWEST_BINS = 8


def build(inputs: tuple[Input, ...], outputs: int, hyperparameters: Mapping[str, Any]) -> "keras.Model":
    """Returns the model. See `models.trained.Build`."""
    import keras

    from models.networks import layers
    from models.trained import keras_inputs

    packed = keras_inputs(inputs)
    encoded = layers.joined(encode(inputs, packed, hyperparameters["embedding_size"]))
    hidden = hidden_layers(encoded, hyperparameters)
    return keras.Model(packed, keras.layers.Dense(outputs, name="output")(hidden), name="mlp")


def hidden_layers(hidden: "keras.KerasTensor", hyperparameters: Mapping[str, Any]) -> "keras.KerasTensor":
    """Returns the last hidden layer, float32[batch, units], by the hyperparameters of this family."""
    import keras

    for number in range(1, hyperparameters["layers"] + 1):
        hidden = keras.layers.Dense(hyperparameters["units"], name=f"hidden_{number}")(hidden)
        hidden = keras.layers.Activation(hyperparameters["activation"])(hidden)
        hidden = keras.layers.Dropout(hyperparameters["dropout"])(hidden)
    return hidden


def encode(
    inputs: tuple[Input, ...], packed: "Mapping[str, keras.KerasTensor]", units: int
) -> "dict[str, keras.KerasTensor]":
    """Returns the encoding of each kind of inputs."""
    import keras

    from models.networks import layers
    from models.preprocessing.packing import of_kind

    parts = {}
    if "numeric" in packed:
        bins = layers.PiecewiseLinear(_boundaries(of_kind(inputs, "numeric")), name="piecewise_linear")
        embedding = layers.PerFeatureDense(units, name="numeric_embedding")(bins(packed["numeric"]))
        parts["normalised"] = layers.normalised(inputs, packed["numeric"])
        parts["numeric"] = keras.layers.Activation("relu")(embedding)
    if "categorical" in packed:
        parts["categorical"] = layers.categorical_embedding(inputs, packed["categorical"], units)
    if "tokens" in packed:
        parts["tokens"] = layers.text_embedding(inputs, packed["tokens"], units)
    return parts


def _boundaries(numerics: tuple[Input, ...]) -> list[list[float]]:
    """Returns the boundaries of each numeric, thinned out where a wide table would have too many in all."""
    import numpy as np

    most = max(_FEWEST_BINS, _BINS // max(1, len(numerics))) + 1
    found = []
    for numeric in numerics:
        kept = np.linspace(0, len(numeric.boundaries) - 1, min(most, len(numeric.boundaries))).round().astype(int)
        found.append([numeric.boundaries[index] for index in kept])
    return found


MLP = network(
    name="mlp",
    space={
        "layers": Number(2, 1, 4, step=1),
        "units": Number(512, 128, 768, step=128),
        "activation": Choice("relu", ("relu", "gelu", "silu")),
        "dropout": Number(0.3, 0.0, 0.5, step=0.05),
        "embedding_size": Number(8, 4, 32, step=4),
        "learning_rate": Number(0.001, 0.0003, 0.003, log=True),
        "weight_decay": Number(1e-3, 1e-5, 0.1, log=True),
    },
    build=build,
    embedded=True,
)

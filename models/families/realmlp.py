"""Builds RealMLP, a perceptron whose parts and defaults were chosen on a benchmark of tables.

From Holzmüller et al. 2024, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data", arXiv
2407.04491: robust scaling with smooth clipping, periodic embeddings, one-hot encoding of few categories, a learned
factor for each input, and dense layers in the neural tangent parametrisation. Its label smoothing and its schedules of
dropout and weight decay are left out.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.spec import Input
from models.families.family import Choice, Number, network

if TYPE_CHECKING:
    import keras

_ONE_HOT = 10  # indexes that a categorical has at most for a one-hot encoding, missing and unknown among them
_NEAR_ZERO = 0.01  # the standard deviation of the output layer: the network begins with the mean of the label


def build(inputs: tuple[Input, ...], outputs: int, hyperparameters: Mapping[str, Any]) -> "keras.Model":
    """Returns the model. See `models.trained.Build`."""
    import keras

    from models.networks import layers, realmlp_layers
    from models.trained import keras_inputs

    packed = keras_inputs(inputs)
    encoded = layers.joined(encode(inputs, packed, hyperparameters["embedding_size"]))
    hidden = realmlp_layers.Scaling(name="scaling")(encoded)
    for number in range(1, hyperparameters["layers"] + 1):
        hidden = realmlp_layers.NeuralTangentDense(hyperparameters["units"], name=f"hidden_{number}")(hidden)
        hidden = realmlp_layers.ParametricActivation(hyperparameters["activation"])(hidden)
        hidden = keras.layers.Dropout(hyperparameters["dropout"])(hidden)
    result = realmlp_layers.NeuralTangentDense(outputs, _NEAR_ZERO, name="output")(hidden)
    return keras.Model(packed, result, name="realmlp")


def encode(
    inputs: tuple[Input, ...], packed: "Mapping[str, keras.KerasTensor]", units: int
) -> "dict[str, keras.KerasTensor]":
    """Returns the encoding of each kind of inputs. Few categories are one-hot, more have an embedding."""
    import keras
    import numpy as np
    from keras import ops

    from models.networks import layers, realmlp_layers
    from models.preprocessing.packing import of_kind

    parts = {}
    if "numeric" in packed:
        scaled = realmlp_layers.smoothly_clipped(inputs, packed["numeric"])
        parts["numeric"] = realmlp_layers.PeriodicEmbedding(4, name="numeric_embedding")(scaled)
    if "categorical" in packed:
        categoricals = of_kind(inputs, "categorical")
        sizes = np.array([categorical.size for categorical in categoricals])
        few, many = np.flatnonzero(sizes <= _ONE_HOT), np.flatnonzero(sizes > _ONE_HOT)
        if len(few):
            # Each categorical has its own columns in one encoding of all.
            first = np.cumsum(sizes[few]) - sizes[few]
            indexes = ops.take(packed["categorical"], few, axis=1) + first.astype(np.int32)
            one_hot = keras.layers.CategoryEncoding(int(sizes[few].sum()), "multi_hot", name="one_hot")
            parts["few"] = one_hot(indexes)
        if len(many):
            embedded = tuple(categoricals[index] for index in many)
            chosen = ops.take(packed["categorical"], many, axis=1)
            parts["many"] = layers.categorical_embedding(embedded, chosen, units)
    if "tokens" in packed:
        parts["tokens"] = layers.text_embedding(inputs, packed["tokens"], units)
    return parts


REALMLP = network(
    name="realmlp",
    space={
        "layers": Number(3, 1, 4, step=1),
        "units": Number(256, 64, 512, step=64),
        "activation": Choice("selu", ("selu", "mish", "relu")),
        "dropout": Number(0.15, 0.0, 0.5, step=0.05),
        "embedding_size": Number(8, 4, 32, step=4),
        "learning_rate": Number(0.03, 0.003, 0.2, log=True),
        "weight_decay": Number(0.01, 1e-5, 0.1, log=True),
    },
    build=build,
)

"""Builds logistic or linear regression on normalised numerics, one-hot categoricals and bags of words: a baseline."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.spec import Input
from models.families.family import Number, network

if TYPE_CHECKING:
    import keras


def build(inputs: tuple[Input, ...], outputs: int, hyperparameters: Mapping[str, Any]) -> "keras.Model":
    """Returns the model. See `models.trained.Build`.

    A one-hot encoding times a weight matrix is a lookup of its rows, so each category's weights are its embedding and
    no one-hot matrix is made.
    """
    import keras
    from keras import ops

    from models.networks import layers
    from models.trained import keras_inputs

    packed = keras_inputs(inputs)
    terms = []
    if "numeric" in packed:
        terms.append(keras.layers.Dense(outputs, name="numeric_weights")(layers.normalised(inputs, packed["numeric"])))
    if "categorical" in packed:
        terms.append(ops.sum(layers.categorical_embedding(inputs, packed["categorical"], outputs, scale=0.01), axis=1))
    if "tokens" in packed:
        terms.append(ops.sum(layers.text_embedding(inputs, packed["tokens"], outputs, scale=0.01), axis=1))
    total = terms[0] if len(terms) == 1 else keras.layers.Add()(terms)
    return keras.Model(packed, total, name="linear")


LINEAR = network(
    name="linear",
    space={
        "learning_rate": Number(0.05, 0.001, 0.1, log=True),
        "weight_decay": Number(1e-5, 1e-6, 0.1, log=True),
    },
    build=build,
    embedded=True,
)

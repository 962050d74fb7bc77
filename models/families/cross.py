"""Builds a deep and cross network, in which layers multiply the encoded inputs with each other, before a perceptron.

From Wang et al. 2021, "DCN V2: Improved Deep & Cross Network", arXiv 2008.13535: the stacked form, with matrices of low
rank.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.spec import Input
from models.families import mlp
from models.families.family import Number, network

if TYPE_CHECKING:
    import keras


def build(inputs: tuple[Input, ...], outputs: int, hyperparameters: Mapping[str, Any]) -> "keras.Model":
    """Returns the model. See `models.trained.Build`."""
    import keras

    from models.networks import layers
    from models.trained import keras_inputs

    packed = keras_inputs(inputs)
    encoded = layers.joined(mlp.encode(inputs, packed, hyperparameters["embedding_size"]))
    crossed = encoded
    for number in range(1, hyperparameters["cross_layers"] + 1):
        crossed = cross_layer(encoded, crossed, hyperparameters["rank"], f"cross_{number}")
    hidden = mlp.hidden_layers(crossed, {**hyperparameters, "activation": "relu"})
    return keras.Model(packed, keras.layers.Dense(outputs, name="output")(hidden), name="cross")


def cross_layer(
    encoded: "keras.KerasTensor", crossed: "keras.KerasTensor", rank: int, name: str
) -> "keras.KerasTensor":
    """Returns encoded * (U V crossed + b) + crossed, float32[batch, width], with U and V of the given rank."""
    import keras

    width = encoded.shape[1]
    down = keras.layers.Dense(min(rank, width), use_bias=False, name=f"{name}_down")(crossed)
    up = keras.layers.Dense(width, name=f"{name}_up")(down)
    return keras.layers.Add()([keras.layers.Multiply()([encoded, up]), crossed])


CROSS = network(
    name="cross",
    space={
        "cross_layers": Number(2, 1, 4, step=1),
        "rank": Number(64, 16, 256, step=16),
        "layers": Number(2, 1, 4, step=1),
        "units": Number(256, 128, 768, step=128),
        "dropout": Number(0.3, 0.0, 0.5, step=0.05),
        "embedding_size": Number(8, 4, 32, step=4),
        "learning_rate": Number(0.001, 0.0003, 0.003, log=True),
        "weight_decay": Number(1e-3, 1e-5, 0.1, log=True),
    },
    build=build,
    embedded=True,
)

"""Builds TabM-mini: several perceptrons in one network, which share all weights but those at both ends.

From Gorishniy et al. 2024, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling", arXiv
2410.24210. Each member scales the encoded inputs and has an output layer of its own; it is trained by its own loss, and
the prediction is the mean of the members' predictions.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.spec import Input
from models.families import mlp
from models.families.family import Number, network

if TYPE_CHECKING:
    import keras


def build(inputs: tuple[Input, ...], outputs: int, hyperparameters: Mapping[str, Any]) -> "keras.Model":
    """Returns the model, which gives float32[batch, members, outputs]. See `models.trained.Build`."""
    import keras

    from models.networks import layers
    from models.trained import keras_inputs

    packed = keras_inputs(inputs)
    encoded = layers.joined(mlp.encode(inputs, packed, hyperparameters["embedding_size"]))
    scaled = layers.MemberScaling(hyperparameters["members"], name="members")(encoded)
    hidden = mlp.hidden_layers(scaled, {**hyperparameters, "activation": "relu"})
    return keras.Model(packed, layers.PerFeatureDense(outputs, name="output")(hidden), name="tabm")


TABM = network(
    name="tabm",
    space={
        "members": Number(8, 4, 32, step=4),
        "layers": Number(2, 1, 4, step=1),
        # On 24,000 rows, 256 units took 1.7 times as long, and were not better on eval.
        "units": Number(128, 64, 512, step=64),
        "dropout": Number(0.1, 0.0, 0.5, step=0.05),
        "embedding_size": Number(8, 4, 32, step=4),
        "learning_rate": Number(0.003, 0.0003, 0.01, log=True),
        "weight_decay": Number(3e-4, 1e-5, 0.1, log=True),
    },
    build=build,
    embedded=True,
    auto_refit=True,
)

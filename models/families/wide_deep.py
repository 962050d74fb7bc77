"""Builds a wide and deep network: a linear model with crosses of categoricals, and a multilayer perceptron, added up.

From Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems", arXiv 1606.07792.
"""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.spec import Input
from models.families import linear, mlp
from models.families.family import Number, network

if TYPE_CHECKING:
    import keras

_LARGEST_CROSS = 4_096  # hashed indexes of a cross


def build(inputs: tuple[Input, ...], outputs: int, hyperparameters: Mapping[str, Any]) -> "keras.Model":
    """Returns the model. See `models.trained.Build`."""
    import keras

    deep = mlp.build(inputs, outputs, {**hyperparameters, "activation": "relu"})
    wide = linear.build(inputs, outputs, hyperparameters)
    packed = deep.input
    terms = [deep.output, wide(packed)]
    pairs = crossed_pairs(inputs, hyperparameters["crosses"])
    if pairs:
        terms.append(_crosses(inputs, packed["categorical"], pairs, outputs))
    return keras.Model(packed, keras.layers.Add()(terms), name="wide_deep")


def crossed_pairs(inputs: tuple[Input, ...], most: int) -> list[tuple[int, int]]:
    """Returns the pairs of categoricals to cross, by their places: those with the fewest combinations, at most `most`.

    A combination that few rows have cannot be learned.
    """
    from models.preprocessing.packing import of_kind

    sizes = [model_input.size for model_input in of_kind(inputs, "categorical")]
    smallest = sorted(range(len(sizes)), key=lambda place: sizes[place])[: most + 1]
    pairs = [(min(pair), max(pair)) for pair in itertools.combinations(smallest, 2)]
    return sorted(pairs, key=lambda pair: sizes[pair[0]] * sizes[pair[1]])[:most]


def _crosses(
    inputs: tuple[Input, ...], categorical: "keras.KerasTensor", pairs: list[tuple[int, int]], outputs: int
) -> "keras.KerasTensor":
    """Returns the sum of the weights of each row's combinations, float32[batch, outputs]."""
    import keras
    from keras import ops

    from models.networks import layers
    from models.preprocessing.packing import of_kind

    sizes = [model_input.size for model_input in of_kind(inputs, "categorical")]
    bins = [min(sizes[first] * sizes[second], _LARGEST_CROSS) for first, second in pairs]
    crossed = [
        keras.layers.HashedCrossing(size, name=f"cross_{first}_{second}")(
            (categorical[:, first : first + 1], categorical[:, second : second + 1])
        )
        for (first, second), size in zip(pairs, bins, strict=True)
    ]
    indexes = ops.cast(ops.concatenate(crossed, axis=1), "int32")
    weights = layers.FusedEmbedding(bins, outputs, scale=0.01, name="cross_weights")(indexes)
    return ops.sum(weights, axis=1)


WIDE_DEEP = network(
    name="wide_deep",
    space={
        "crosses": Number(10, 0, 30, step=5),
        "layers": Number(2, 1, 4, step=1),
        "units": Number(256, 128, 768, step=128),
        "dropout": Number(0.3, 0.0, 0.5, step=0.05),
        "embedding_size": Number(8, 4, 32, step=4),
        "learning_rate": Number(0.001, 0.0003, 0.003, log=True),
        "weight_decay": Number(1e-3, 1e-5, 0.1, log=True),
    },
    build=build,
)

"""Defines what a family's training takes and gives, and how many rows are predicted with it."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.spec import Input
from models.preprocessing.packing import DTYPES, of_kind

# The largest number of rows, and of their values, in a batch of predictions.
_PREDICTION_ROWS = 8_192
_PREDICTION_VALUES = 262_144

Build = Callable[[tuple[Input, ...], int, Mapping[str, Any]], keras.Model]
"""Returns a network, given the inputs, the number of outputs and all hyperparameters. It takes the tensors of
`models.preprocessing.packing.pack` and returns unbounded float32[batch, outputs]: the logit of a binary task's second
class, a logit per class, or the standardised prediction of a regression. An ensemble in one network returns
float32[batch, members, outputs]."""

Report = Callable[[str, float, float], None]


def keras_inputs(inputs: tuple[Input, ...]) -> dict[str, keras.KerasTensor]:
    """Returns the symbolic inputs of a model that takes packed features."""
    shapes = {}
    for kind in DTYPES:
        count = len(of_kind(inputs, kind))
        if count:
            shapes[kind] = (count, None) if kind == "tokens" else (count,)
    return {kind: keras.Input(shape, dtype=DTYPES[kind], name=kind) for kind, shape in shapes.items()}


@dataclasses.dataclass(frozen=True)
class TrainingTime:
    """Where the time of a network's training went.

    Attributes:
        seconds: the whole training, with building the graph and the metrics on the validation rows.
        steps: the number of steps that were measured.
        step: the seconds of one step, in which it may wait for its batch.
        input: the seconds in which the input makes one batch, measured alone. It works ahead, beside the steps.
    """

    seconds: float
    steps: int
    step: float
    input: float


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained model.

    Attributes:
        predictor: takes packed features, and gives scores float32[batch, classes], or for regression float32[batch].
        metrics: the metrics on the validation rows.
        hyperparameters: the values that were used.
        epochs: the number of epochs that were trained; None for what has none.
        best_epoch: which of them gave the weights, from 1; None for what has none.
        trees: the number of trees; None for networks.
        history: by name the loss and the metrics after each epoch.
        time: where the time went; None for what has no steps.
        predictions: those for the validation rows; None after a refit, which has trained on them.
        execution: how the steps were computed, in one line; empty for what has none.
    """

    predictor: keras.Model
    metrics: dict[str, float]
    hyperparameters: dict[str, Any]
    epochs: int | None = None
    best_epoch: int | None = None
    trees: int | None = None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    time: TrainingTime | None = None
    predictions: np.ndarray | None = None
    execution: str = ""


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """What a network begins with in place of random weights: see `models.training.warm_start`.

    Attributes:
        inputs: the inputs of the model, with the scaling of the earlier network.
        mean: regression only: the mean of the label that the earlier network was trained with.
        std: regression only: its standard deviation.
        weights: those of the network, in their order.
    """

    inputs: tuple[Input, ...]
    mean: float
    std: float
    weights: Sequence[np.ndarray]


class Predict:
    """Predicts many rows in batches, by a function that is traced once."""

    def __init__(self, predictor: keras.Model) -> None:
        types = {kind: tf.TensorSpec(tensor.shape, tensor.dtype) for kind, tensor in predictor.input.items()}
        self._call = tf.function(
            lambda features: predictor(features, training=False), autograph=False, input_signature=[types]
        )

    def __call__(self, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns float32[rows, classes], or for regression float32[rows]."""
        rows = len(next(iter(features.values())))
        width = sum(math.prod(values.shape[1:]) for values in features.values())
        step = max(1, min(_PREDICTION_ROWS, _PREDICTION_VALUES // width))
        chunks = ({kind: values[s : s + step] for kind, values in features.items()} for s in range(0, rows, step))
        return np.concatenate([self._call(chunk).numpy() for chunk in chunks])

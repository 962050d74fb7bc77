"""Defines the head of a network for each task: the number of outputs, the loss, and the predictions of the outputs.

Families do not depend on the task: they return unbounded outputs, which the head converts to scores or numbers.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from core.spec import Label, Task


@dataclasses.dataclass(frozen=True)
class Head:
    """One label as a network learns it.

    Attributes:
        task: what kind of prediction it is.
        outputs: how many outputs the network has.
        mean: regression only: the label's mean over train.
        std: regression only: the label's standard deviation over train. A network learns (label - mean) / std.
    """

    task: Task
    outputs: int
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def of(cls, label: Label, values: np.ndarray, weights: np.ndarray | None = None) -> "Head":
        """Returns the target for a label with these values over train: class indexes, or numbers for regression."""
        if label.task != "regression":
            return cls(label.task, 1 if label.task == "binary" else len(label.classes))
        mean = float(np.average(values.astype(np.float64), weights=weights))
        deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        return cls(label.task, 1, mean, deviation or 1.0)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Returns labels as the loss takes them: float32[rows, 1], or int64[rows] for multiclass."""
        if self.task == "multiclass":
            return values
        return ((values - self.mean) / self.std).astype(np.float32)[:, None]

    @property
    def loss(self) -> keras.losses.Loss:
        """The loss between encoded labels and the network's outputs."""
        if self.task == "regression":
            return keras.losses.MeanSquaredError()
        if self.task == "binary":
            return keras.losses.BinaryCrossentropy(from_logits=True)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def predictor(self, network: keras.Model) -> keras.Model:
        """Returns a model that shares the network's weights and gives predictions.

        It gives float32[batch, classes] that add up to 1, or for regression float32[batch] in the label's unit.
        """
        return keras.Model(network.input, Prediction(self.task, self.mean, self.std, name="prediction")(network.output))


@keras.saving.register_keras_serializable("skewless")
class Prediction(keras.layers.Layer):
    """The last layer of a served model: unbounded outputs become scores, or numbers in the label's unit."""

    def __init__(self, task: Task, mean: float = 0.0, std: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.task, self.mean, self.std = task, mean, std

    def call(self, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the predictions."""
        if self.task == "regression":
            return outputs[:, 0] * self.std + self.mean  # float32[batch]
        if self.task == "multiclass":
            return ops.softmax(outputs)  # float32[batch, classes]
        return ops.concatenate([ops.sigmoid(-outputs), ops.sigmoid(outputs)], axis=1)  # float32[batch, 2]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "task": self.task, "mean": self.mean, "std": self.std}

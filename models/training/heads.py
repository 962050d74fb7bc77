"""Defines the head of a network: the number of outputs, the loss, and the predictions, which depend on the task."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from core.spec import Label, Task


@dataclasses.dataclass(frozen=True)
class Head:
    """The part of a network that depends on the label.

    Attributes:
        task: the kind of prediction.
        outputs: the number of outputs of the network.
        mean: regression only: the mean of the label on train.
        std: regression only: its standard deviation on train. The network learns (label - mean) / std.
    """

    task: Task
    outputs: int
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def of(cls, label: Label, values: np.ndarray, weights: np.ndarray | None = None) -> "Head":
        """Returns the head for a label with these values on train: class indexes, or numbers for regression."""
        if label.task != "regression":
            return cls(label.task, 1 if label.task == "binary" else len(label.classes))
        mean = float(np.average(values.astype(np.float64), weights=weights))
        deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        return cls(label.task, 1, mean, deviation or 1.0)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Returns the labels for the loss: float32[rows, 1], or int64[rows] for multiclass."""
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
        """Returns the network with a last layer that gives predictions.

        They are float32[batch, classes] that add up to 1, or for regression float32[batch] in the unit of the label.
        """
        return keras.Model(network.input, Prediction(self.task, self.mean, self.std, name="prediction")(network.output))


@keras.saving.register_keras_serializable("skewless")
class Prediction(keras.layers.Layer):
    """Converts the outputs of a network to scores, or to numbers in the unit of the label."""

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

"""Defines the head of a model: the number of outputs, the loss, and the predictions, which depend on the task."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from core.spec import Label, Task
from models.preprocessing.robust_moments import RobustMoments

_STANDARD = RobustMoments(0.0, 1.0)
_QUANTILES = 49  # of the label, to find outliers
_WITH_MEMBERS = 3  # the rank of outputs [batch, members, outputs]
_LARGEST = 1e30  # an outlier in standard deviations; float32 ends at 3.4e38


@dataclasses.dataclass(frozen=True)
class Head:
    """The part of a network that depends on the label.

    Attributes:
        task: the kind of prediction.
        outputs: the number of outputs of the network.
        moments: regression only: those of the label on train. The network learns (label - mean) / std.
        soft: whether targets are shares float32[rows, classes]; multiclass only.
        dtype: the type of the predictions: float64 where float32 would round them too much.
    """

    task: Task
    outputs: int
    moments: RobustMoments = _STANDARD
    dtype: str = "float32"
    soft: bool = False

    @classmethod
    def of(cls, label: Label, values: np.ndarray, weights: np.ndarray | None = None) -> "Head":
        """Returns the head for a label with these values on train: class indexes, or numbers for regression."""
        if label.task != "regression":
            return cls(label.task, 1 if label.task == "binary" else len(label.classes))
        mean = float(np.average(values.astype(np.float64), weights=weights))
        std = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        moments = RobustMoments.of(np.quantile(values, np.linspace(0, 1, _QUANTILES)), mean, std or 1.0)
        return cls(label.task, 1, moments, "float64" if label.payload == "double" else "float32")

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Returns the labels for the loss: float32[rows, 1], or int64[rows] for multiclass."""
        if self.task == "multiclass":
            return values
        standardised = (values - self.moments.mean) / self.moments.std
        return np.clip(standardised, -_LARGEST, _LARGEST).astype(np.float32)[:, None]

    @property
    def loss(self) -> keras.losses.Loss:
        """The loss between encoded labels and the network's outputs."""
        if self.task == "regression":
            # The squared error of an outlier would be larger than that of all other rows together.
            return keras.losses.MeanSquaredError() if self.moments.outlier is None else keras.losses.Huber(delta=10.0)
        if self.task == "binary":
            return keras.losses.BinaryCrossentropy(from_logits=True)
        if self.soft:
            return keras.losses.CategoricalCrossentropy(from_logits=True)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss_of(self, network: keras.Model) -> keras.losses.Loss:
        """Returns the loss of a network: the mean over its members' own losses where it has several."""
        return MemberLoss(self.loss) if len(network.output.shape) == _WITH_MEMBERS else self.loss

    @property
    def validation_metric(self) -> str:
        """The metric on eval that stops the training."""
        if self.task != "regression":
            return "log_loss"
        return "rmse" if self.moments.outlier is None else "mae"

    def predictor(self, network: keras.Model) -> keras.Model:
        """Returns the network with a last layer that gives predictions.

        They are float32[batch, classes] that add up to 1, or for regression numbers [batch] in the unit of the label.
        """
        layer = Prediction(self.task, self.moments.mean, self.moments.std, name="prediction", dtype=self.dtype)
        return keras.Model(network.input, layer(network.output))


@keras.saving.register_keras_serializable("skewless")
class Prediction(keras.layers.Layer):
    """Converts the outputs of a network to scores, or to numbers in the unit of the label.

    Where the network has several members, the result is the mean of theirs.
    """

    def __init__(self, task: Task, mean: float = 0.0, std: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.task, self.mean, self.std = task, mean, std

    def call(self, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the predictions."""
        if self.task == "regression":
            found = outputs[..., 0] * self.std + self.mean  # [batch], or [batch, members]
        elif self.task == "multiclass":
            found = ops.softmax(outputs)  # float32[batch, classes], or [batch, members, classes]
        else:
            found = ops.concatenate([ops.sigmoid(-outputs), ops.sigmoid(outputs)], axis=-1)
        return ops.mean(found, axis=1) if len(outputs.shape) == _WITH_MEMBERS else found

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "task": self.task, "mean": self.mean, "std": self.std}


class MemberLoss(keras.losses.Loss):
    """The mean of the losses of several members, each of which has outputs of its own.

    The members so learn different functions; the loss of their mean would let one make up for another's errors.

    Args:
        loss: the loss of one member.

    Inputs: labels [batch] or [batch, 1], and outputs float32[batch, members, outputs].
    """

    def __init__(self, loss: keras.losses.Loss) -> None:
        super().__init__(name=loss.name)
        self._loss = loss

    def call(self, labels: keras.KerasTensor, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the losses of the rows, float32[batch]."""
        # Labels of another rank than the outputs would be broadcast over the rows.
        members = ops.repeat(ops.expand_dims(labels, 1), outputs.shape[1], axis=1)
        return ops.mean(self._loss.call(members, outputs), axis=1)

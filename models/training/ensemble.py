"""Makes one Keras model of the members of an ensemble, and hands trained members over from the Tuner to the Trainer."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from core import storage
from core.spec import Input, Task
from models.preprocessing.rows import TransformedRows
from models.trained import Predict, Trained, TrainingTime, keras_inputs
from models.training import calibration, ensemble_selection, member_costs

_MEMBERS = "members.json"


@dataclasses.dataclass(frozen=True)
class Member:
    """A member of an ensemble.

    Attributes:
        family: the name of its family.
        weight: its share of the prediction.
        hyperparameters: all hyperparameters of the family.
        trained: the trained model; None where it is not trained on all rows.
    """

    family: str
    weight: float
    hyperparameters: Mapping[str, Any]
    trained: Trained | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns all but the trained model."""
        return {"family": self.family, "weight": self.weight, "hyperparameters": dict(self.hyperparameters)}


@keras.saving.register_keras_serializable("skewless")
class WeightedMean(keras.layers.Layer):
    """The weighted mean of several tensors of one shape.

    Args:
        weights: a weight for each tensor; they add up to 1.
    """

    def __init__(self, weights: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shares = [float(weight) for weight in weights]

    def call(self, tensors: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
        """Returns the mean."""
        terms = [tensor * ops.cast(share, tensor.dtype) for tensor, share in zip(tensors, self.shares, strict=True)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "weights": self.shares}


def combine(members: Sequence[Member], inputs: tuple[Input, ...], temperature: float = 1.0) -> keras.Model:
    """Returns the model of an ensemble: packed features to the weighted mean of the predictions of trained members.

    Args:
        members: trained members.
        inputs: the inputs of the model.
        temperature: scales the scores; 1 leaves them. See `calibration`.
    """
    mean = _mean(members, inputs)
    if temperature == 1:
        return mean
    return keras.Model(mean.input, calibration.Temperature(temperature, name="temperature")(mean.output))


def _mean(members: Sequence[Member], inputs: tuple[Input, ...]) -> keras.Model:
    predictors = _predictors(members)
    if len(predictors) == 1:
        return predictors[0]
    packed = keras_inputs(inputs)
    outputs = [
        _AsLayer(predictor, name=f"member_{number}_{member.family}")(packed)
        for number, (member, predictor) in enumerate(zip(members, predictors, strict=True), 1)
    ]
    # Regressions with large labels predict float64, and a layer would otherwise round them to float32.
    mean = WeightedMean([member.weight for member in members], autocast=False, name="ensemble")
    return keras.Model(packed, mean(outputs), name="ensemble")


class _AsLayer(keras.layers.Layer):
    """A model as one layer with a name of its own: two members of one family have the same name."""

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def call(self, packed: Mapping[str, keras.KerasTensor]) -> keras.KerasTensor:
        return self.model(packed, training=False)


def save(folder: str, members: Sequence[Member]) -> None:
    """Writes `members.json`, and each trained model as a SavedModel of packed features in a folder of its number."""
    described = []
    for number, member in enumerate(members):
        described.append({**member.to_json(), "trained": _kept(member.trained)})
        if member.trained is not None:
            member.trained.predictor.export(os.path.join(folder, str(number)), verbose=False)
    storage.write_json(os.path.join(folder, _MEMBERS), {"members": described})


def load(folder: str, inputs: tuple[Input, ...]) -> list[Member]:
    """Returns the members that `save` has written, given the inputs of their models."""
    members = []
    described = storage.read_json(os.path.join(folder, _MEMBERS))["members"]
    for number, values in enumerate(described):
        kept = values.pop("trained")
        member = Member(**values)
        if kept is not None:
            predictor = _predictor(os.path.join(folder, str(number)), inputs)
            kept["time"] = kept["time"] and TrainingTime(**kept["time"])
            trained = Trained(predictor, hyperparameters=dict(member.hyperparameters), **kept)
            member = dataclasses.replace(member, trained=trained)
        members.append(member)
    return members


def _kept(trained: Trained | None) -> dict[str, Any] | None:
    """Returns what is known of a trained model beside the model and its hyperparameters."""
    if trained is None:
        return None
    kept = {name: getattr(trained, name) for name in ("metrics", "epochs", "best_epoch", "trees")}
    return {**kept, "time": trained.time and dataclasses.asdict(trained.time)}


def _predictor(path: str, inputs: tuple[Input, ...]) -> keras.Model:
    packed = keras_inputs(inputs)
    return keras.Model(packed, keras.layers.TFSMLayer(path, trainable=False)(packed))


def _predictors(members: Sequence[Member]) -> list[keras.Model]:
    return [member.trained.predictor for member in members if member.trained is not None]


def reweighted(
    task: Task, members: Sequence[Member], rows: TransformedRows, limits: np.ndarray | None = None
) -> list[Member]:
    """Returns those trained members, with new weights, that are selected by their predictions for some rows.

    Args:
        task: the kind of prediction.
        members: trained members.
        rows: the rows of eval.
        limits: what all members may cost together, as `member_costs.limits` gives it; None for any.
    """
    predictors = _predictors(members)
    predictions = [Predict(predictor)(rows.features) for predictor in predictors]
    costs = None if limits is None else [member_costs.measure(predictor, rows, limits) for predictor in predictors]
    chosen = ensemble_selection.select(task, rows.labels, predictions, rows.weights, costs, limits)
    return [dataclasses.replace(members[index], weight=weight) for index, weight in chosen.items()]

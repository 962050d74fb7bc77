"""Makes one Keras model of the members of an ensemble, and hands trained members over from the Tuner to the Trainer."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from core.spec import Input, Task
from models.families import FAMILIES
from models.preprocessing.packing import keras_inputs
from models.preprocessing.rows import TransformedRows
from models.trained import Predict
from models.training import ensemble_selection, portfolio


@dataclasses.dataclass(frozen=True)
class Member:
    """A member of an ensemble.

    Attributes:
        family: the name of its family.
        weight: its share of the prediction.
        hyperparameters: all hyperparameters of the family.
        predictor: the trained model: packed features to predictions; None where it is not trained on all rows.
    """

    family: str
    weight: float
    hyperparameters: Mapping[str, Any]
    predictor: keras.Model | None = None

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


def combine(members: Sequence[Member], inputs: tuple[Input, ...]) -> keras.Model:
    """Returns the model of an ensemble: packed features to the weighted mean of the predictions of trained members."""
    predictors = [member.predictor for member in members if member.predictor is not None]
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
    """Writes the trained members, each as a SavedModel of packed features in a folder of its number."""
    for number, member in enumerate(members):
        if member.predictor is not None:
            member.predictor.export(os.path.join(folder, str(number)), verbose=False)


def load(folder: str | None, found: str | None, inputs: tuple[Input, ...]) -> list[Member]:
    """Returns members, with their models where these were saved.

    Args:
        folder: the folder that `save` has written; None for none.
        found: the members as a JSON list of what `to_json` gives; None: those of the portfolio, all with one weight.
        inputs: the inputs of the models.
    """
    if found is None:
        names = portfolio.families()
        return [Member(name, 1 / len(names), FAMILIES[name].defaults()) for name in names]
    members = []
    for number, values in enumerate(json.loads(found)):
        path = os.path.join(folder or "", str(number))
        saved = folder is not None and os.path.exists(os.path.join(path, "saved_model.pb"))
        members.append(Member(**values, predictor=_predictor(path, inputs) if saved else None))
    return members


def _predictor(path: str, inputs: tuple[Input, ...]) -> keras.Model:
    packed = keras_inputs(inputs)
    return keras.Model(packed, keras.layers.TFSMLayer(path, trainable=False)(packed))


def reweighted(task: Task, members: Sequence[Member], rows: TransformedRows) -> list[Member]:
    """Returns those trained members, with new weights, that are selected by their predictions for some rows."""
    predictions = [Predict(member.predictor)(rows.features) for member in members if member.predictor is not None]
    chosen = ensemble_selection.select(task, rows.labels, predictions, rows.weights)
    return [dataclasses.replace(members[index], weight=weight) for index, weight in chosen.items()]

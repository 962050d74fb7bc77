"""The ensemble as one Keras model, with predictions worked out by hand."""

import keras
import numpy as np
import pytest

from core.spec import Input
from models.preprocessing.rows import TransformedRows
from models.trained import Trained, TrainingTime
from models.training import ensemble
from models.training.ensemble import Member

TIME = TrainingTime(seconds=2.0, steps=10, step=0.1, input=0.05)
INPUTS = (Input("x", "numeric", mean=0.0, std=1.0),)


def times(factor: float, dtype: str = "float32") -> keras.Model:
    """Returns a model that predicts its input times a number."""
    x = keras.Input([1], name="numeric")
    return keras.Model({"numeric": x}, keras.ops.cast(x[:, 0], dtype) * factor, name="same_name")


def members(dtype: str = "float32") -> list[Member]:
    """Returns two members with the weights 0.75 and 0.25, which predict x and 3 x."""
    return [
        Member("mlp", weight, {}, Trained(times(factor, dtype), {"rmse": factor}, {}, epochs=3, time=TIME))
        for weight, factor in ((0.75, 1.0), (0.25, 3.0))
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predicts_the_weighted_mean(dtype):
    model = ensemble.combine(members(dtype), INPUTS)
    found = model({"numeric": np.array([[1.0], [2.0]], np.float32)}).numpy()
    assert found.tolist() == [1.5, 3.0]  # 0.75 x 1 + 0.25 x 3 = 1.5
    assert found.dtype == dtype


def test_one_member_is_its_own_model():
    (member, _) = members()
    assert ensemble.combine([member], INPUTS) is member.trained.predictor


@pytest.mark.slow
def test_members_come_back_with_their_models(tmp_path):
    saved = [members()[0], Member("linear", 0.25, {"learning_rate": 0.1})]
    ensemble.save(str(tmp_path), saved)
    first, second = ensemble.load(str(tmp_path), INPUTS)
    assert first.trained.predictor({"numeric": np.array([[2.0]], np.float32)}).numpy().tolist() == [2.0]
    assert (first.trained.metrics, first.trained.epochs, first.trained.time) == ({"rmse": 1.0}, 3, TIME)
    assert second == saved[1]


def test_the_faster_member_remains_where_both_take_too_long():
    # The labels are 2 x: the mean of both predictions is right.
    features = {"numeric": np.arange(100, dtype=np.float32)[:, None]}
    rows = TransformedRows(features, np.arange(100, dtype=np.float64) * 2)
    both = ensemble.reweighted("regression", members(), rows)
    assert [member.weight for member in both] == pytest.approx([0.5, 0.5], abs=0.02)
    assert len(ensemble.reweighted("regression", members(), rows, np.array([0.0, *[np.inf] * 3]))) == 1

"""The ensemble as one Keras model, with predictions worked out by hand."""

import json

import keras
import numpy as np
import pytest

from core.spec import Input
from models.training import ensemble
from models.training.ensemble import Member

INPUTS = (Input("x", "numeric", mean=0.0, std=1.0),)


def times(factor: float, dtype: str = "float32") -> keras.Model:
    """Returns a model that predicts its input times a number."""
    x = keras.Input([1], name="numeric")
    return keras.Model({"numeric": x}, keras.ops.cast(x[:, 0], dtype) * factor, name="same_name")


def members(dtype: str = "float32") -> list[Member]:
    return [Member("mlp", 0.75, {}, times(1.0, dtype)), Member("mlp", 0.25, {}, times(3.0, dtype))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predicts_the_weighted_mean(dtype):
    model = ensemble.combine(members(dtype), INPUTS)
    found = model({"numeric": np.array([[1.0], [2.0]], np.float32)}).numpy()
    assert found.tolist() == [1.5, 3.0]  # 0.75 x 1 + 0.25 x 3 = 1.5
    assert found.dtype == dtype


def test_one_member_is_its_own_model():
    (member, _) = members()
    assert ensemble.combine([member], INPUTS) is member.predictor


@pytest.mark.slow
def test_members_come_back_with_their_models(tmp_path):
    saved = [members()[0], Member("linear", 0.25, {"learning_rate": 0.1})]
    ensemble.save(str(tmp_path), saved)
    text = json.dumps([member.to_json() for member in saved])
    first, second = ensemble.load(str(tmp_path), text, INPUTS)
    assert first.predictor({"numeric": np.array([[2.0]], np.float32)}).numpy().tolist() == [2.0]
    assert second == saved[1]
    assert ensemble.load(None, text, INPUTS)[0].predictor is None


def test_without_a_search_the_members_are_the_portfolio():
    found = ensemble.load(None, None, INPUTS)
    assert found[0].family == "linear"
    assert sum(member.weight for member in found) == pytest.approx(1)

"""Numbers whose differences float32 cannot hold, from Examples to the answers of the served model."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from core import examples
from core.config.deployment import Serve
from core.spec import Feature, Label, Spec
from models.serving import parity_check
from models.serving.served_model import ServedModel
from tests.components import data_stages, trained_models

COLUMNS = {"x": "double", "n": "int", "y": "double"}
SPEC = Spec(
    Label("y", "regression", "double"),
    (Feature("x", "numeric", "double"), Feature("n", "numeric", "int")),
    family="linear",
)


def rows(count):
    """Returns rows in which y depends on what x and n add to 1.39 thousand million, and float32 does not see it."""
    left, right = np.random.default_rng(count).uniform(-1, 1, [2, count])
    number = np.round(1_390_000_000 + 60 * right).astype(np.int64)
    y = 1.7e9 + 3 * left + (number - 1_390_000_000) / 20
    return {"x": (1.39e9 + 60 * left).tolist(), "n": number.tolist(), "y": y.tolist()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    splits = {"train": rows(2_000), "eval": rows(200)}
    return trained_models.train(tmp_path_factory.mktemp("large"), COLUMNS, splits, SPEC, epochs=30, learning_rate=0.05)


@pytest.mark.slow
def test_the_model_learns_the_differences(trained):
    metrics = json.loads(pathlib.Path(trained, "run", "report.json").read_text())["metrics"]["eval"]
    assert metrics["rmse"] < 0.3, "the standard deviation of the label is 2.4"


@pytest.mark.slow
def test_the_served_model_gives_them_in_float64_and_the_contracts_float32(trained):
    model = ServedModel(str(trained / "model"))
    columns = {"x": np.array([1.39e9 - 60, 1.39e9 + 60]), "n": np.array([1.39e9, 1.39e9])}
    np.testing.assert_allclose(model(columns)["predictions"] - 1.7e9, [-3, 3], atol=0.7)
    outputs = tf.saved_model.load(str(trained / "model")).signatures["predict"].structured_outputs
    assert {name: output.dtype for name, output in outputs.items()} == {
        "predictions": tf.float32,
        "predictions_float64": tf.float64,
    }


@pytest.mark.slow
def test_it_gives_the_trainers_predictions_to_every_request(trained):
    answer = parity_check.check(str(trained / "model"), str(trained / "run" / "expected.parquet"), SPEC, Serve())
    assert [gate.why for gate in answer.gates if not gate.passed] == []
    assert answer.max_abs_difference < 1e-3


def test_examples_hold_them(tmp_path):
    made = data_stages.write_examples(tmp_path, COLUMNS, {"train": rows(10)})
    (group,) = examples.row_groups(f"{made.uri}/Split-train")
    assert examples.label_values(examples.read(group), SPEC.label).tolist() == rows(10)["y"]

"""Column names that Python, TensorFlow or its loader treat in their own way, from Examples to the served model."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from core import examples
from core.config.deployment import Serve
from core.spec import Feature, Label, Spec
from models.serving import parity_check
from models.serving.served_model import ServedModel
from tests.components import trained_models

NAMES = [
    *("self", "cls", "args", "kwargs", "name", "inputs", "training", "class", "lambda", "None", "examples", "features"),
    *("sample.yr", "b c", "b.c", "b/c", "b:c", "Fare ($)", "_x", "-1", "2nd", "größe", "日本", "😀", " ", '"', "%s"),
    *("Age", "age", "AGE", "feature_0", "feature_1", "feature.2", "x" * 300, "self_", "None_", "predictions", "scores"),
]
SPEC = Spec(
    Label("is it?", "binary", "int", ("0", "1")),
    tuple(Feature(name, "numeric", "int") for name in NAMES),
    "w t",
    "linear",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    numbers = np.random.default_rng(0).integers(0, 9, [len(NAMES), 64])
    columns = dict(zip(NAMES, numbers.tolist(), strict=True))
    rows = {**columns, "is it?": [0, 1] * 32, "w t": [1] * 64}
    splits = {"train": rows, "eval": rows}
    return trained_models.train(tmp_path_factory.mktemp("names"), dict.fromkeys(rows, "int"), splits, SPEC, epochs=1)


@pytest.mark.slow
def test_every_signature_gives_the_trainers_predictions(trained):
    answer = parity_check.check(str(trained / "model"), str(trained / "run" / "expected.parquet"), SPEC, Serve())
    assert [gate.why for gate in answer.gates if not gate.passed] == []
    model = ServedModel(str(trained / "model"))
    assert set(model.inputs) == set(NAMES)
    (batch,) = pq.read_table(trained / "run" / "expected.parquet").combine_chunks().to_batches()
    columns = examples.dense(batch.slice(0, 64), SPEC.features)
    transformed = model.call("transform_features", columns)
    for name in NAMES:
        np.testing.assert_array_equal(transformed[name], columns[name])


@pytest.mark.slow
def test_the_loader_of_python_shows_the_names_of_the_columns(trained):
    predict = tf.saved_model.load(str(trained / "model")).signatures["predict"]
    _, arguments = predict.structured_input_signature
    assert {spec.name for spec in arguments.values()} == set(NAMES)
    shown = {argument: spec.name for argument, spec in arguments.items()}
    assert (shown["name"], shown["None_"]) == ("name", "None_")
    assert shown[f"feature_{NAMES.index('lambda')}"] == "lambda"
    assert shown[f"feature_{NAMES.index('sample.yr')}"] == "sample.yr"

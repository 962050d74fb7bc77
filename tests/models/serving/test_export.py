"""The served model, loaded where there is only TensorFlow."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tensorflow.core.protobuf import saved_model_pb2

from core import examples
from core.config.sections import Train
from core.spec import Label, Spec
from models import families
from models.preprocessing.transform_graph import TransformGraph
from models.serving import export, served_model, signatures
from models.trained import Predict
from models.training import dataset

pytestmark = pytest.mark.slow

# Runs in a process of its own: what it imports is what a server needs.
LOADED = """
import json, sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
request = json.loads(sys.stdin.read())
def example(row):
    features = {}
    for name, values in row.items():
        if isinstance(values[0], str):
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))
        elif isinstance(values[0], int):
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        else:
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
columns = {name: tf.constant(values, tf.string if text else tf.float64)
           for name, (values, text) in request["columns"].items()}
examples = tf.constant([example(r) for r in request["rows"]])
answers = {
    "classify": model.signatures["classify"](inputs=examples),
    "regress": model.signatures["regress"](inputs=examples),
    "serving_default": model.signatures["serving_default"](examples=examples),
    "predict": model.signatures["predict"](**columns),
    "transform_features": model.signatures["transform_features"](**columns),
}
print(json.dumps({
    "answers": {s: {k: v.numpy().astype(str if v.dtype == tf.string else float).tolist() for k, v in a.items()}
                for s, a in answers.items()},
    "extra": sorted({"keras_tuner", "tensorflow_transform", "tfx", "models", "apache_beam"} & set(sys.modules)),
}))
"""
NAN = float("nan")
# The rows of the table in conftest.py, as tf.Example holds them and as `predict` takes them.
EXAMPLE_ROWS = [
    {"age": [20.0], "class": ["red"], "tags used": [3]},
    {"age": [30.0], "class": ["blue"], "tags used": [1, 2]},
    {"class": ["red"], "tags used": [2]},
    {"age": [50.0]},
]
COLUMNS = {
    "age": ([20.0, 30.0, NAN, 50.0], False),
    "class": (["red", "blue", "red", ""], True),
    "tags used": ([[3.0, NAN], [1.0, 2.0], [2.0, NAN], [NAN, NAN]], False),
}


@pytest.fixture(scope="module")
def trained(prepared):
    graph = TransformGraph(prepared.graph, prepared.spec)
    rows = dataset.load(prepared.split, graph)
    defaults = families.FAMILIES["mlp"].defaults()
    found = families.FAMILIES[prepared.spec.family].fit(
        prepared.spec, graph.inputs, defaults, rows, rows, Train(epochs=2)
    )
    return graph, rows, found


@pytest.fixture(scope="module")
def saved(prepared, trained, tmp_path_factory) -> pathlib.Path:
    graph, _, found = trained
    path = tmp_path_factory.mktemp("saved") / "model"
    export.save(str(path), prepared.spec, graph, found.predictor)
    return path


@pytest.fixture(scope="module")
def served(saved) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(saved)],
        input=json.dumps({"rows": EXAMPLE_ROWS, "columns": COLUMNS}),
        capture_output=True,
        text=True,
        timeout=300,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_needs_tensorflow_alone(served):
    assert served["extra"] == []


def test_every_signature_gives_what_the_model_in_memory_gives(trained, served):
    _, rows, found = trained
    expected = Predict(found.predictor)(rows.features)[:4]
    for signature in ("serving_default", "predict"):
        answer = served["answers"][signature]
        np.testing.assert_allclose(answer["scores"], expected, atol=1e-6)
        assert answer["classes"] == [["no", "yes"]] * 4
        assert answer["predicted"] == [("no", "yes")[index] for index in expected.argmax(axis=1)]


def test_classify_and_regress_give_the_same_as_serving_default(served):
    answers = served["answers"]
    assert answers["classify"] == {name: answers["serving_default"][name] for name in ("classes", "scores")}
    assert answers["regress"] == {"outputs": [scores[1] for scores in answers["serving_default"]["scores"]]}


def test_signatures_have_the_methods_of_a_model_server(saved):
    model = saved_model_pb2.SavedModel.FromString((saved / "saved_model.pb").read_bytes())
    found = {name: signature.method_name for name, signature in model.meta_graphs[0].signature_def.items()}
    predict = dict.fromkeys(("serving_default", "predict", "transform_features"), "tensorflow/serving/predict")
    others = {name: f"tensorflow/serving/{name}" for name in ("classify", "regress")}
    assert {name: method for name, method in found.items() if not name.startswith("__")} == predict | others


def test_saved_model_cli_shows_the_columns_and_the_methods(saved):
    """The lines of the inputs are those that a person copies into a client."""
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "show", "--dir", str(saved), "--all"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    parts = dict(part.split("']:", 1) for part in done.stdout.split("signature_def['")[1:])
    assert {"serving_default", "predict", "transform_features", "classify", "regress"} <= set(parts)
    lines = [line.strip() for line in parts["predict"].splitlines()]
    shown = list(zip(lines, lines[1:], lines[2:], strict=False))
    for name, dtype, shape in (
        ("age", "DT_DOUBLE", "(-1)"), ("class", "DT_STRING", "(-1)"), ("tags used", "DT_DOUBLE", "(-1, -1)"),
    ):  # fmt: skip
        assert (f"inputs['{name}'] tensor_info:", f"dtype: {dtype}", f"shape: {shape}") in shown
    assert ("outputs['scores'] tensor_info:", "dtype: DT_FLOAT", "shape: (-1, 2)") in shown
    assert "Method name is: tensorflow/serving/classify" in parts["classify"]


@pytest.mark.parametrize("rows", [0, 1, 100_000])
def test_every_signature_answers_batches_of_any_size(saved, rows):
    model = served_model.ServedModel(str(saved))
    columns = {
        "age": np.resize([20.0, NAN, 1e9], rows),
        "class": np.resize(np.array([b"red", b"", "größer".encode()], object), rows),
        "tags used": np.resize([[3.0, NAN], [NAN, NAN], [2.0, 1.0]], (rows, 2)),
    }
    examples = np.resize(np.array([b""], object), rows)
    for signature in model.signatures:
        inputs = dict.fromkeys(("examples", "inputs"), examples) | columns
        assert {len(values) for values in model.call(signature, inputs).values()} == {rows}


def test_a_program_in_c_gets_the_same_answer(saved, tmp_path):
    import tensorflow as tf

    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source, program = pathlib.Path(__file__).with_name("call_signature.c"), tmp_path / "call_signature"
    folder = pathlib.Path(tf.sysconfig.get_lib())
    libraries = [*folder.glob("libtensorflow_cc.so*"), *folder.glob("libtensorflow_framework.so*")]
    command = [compiler, source, "-o", program, f"-I{tf.sysconfig.get_include()}", *libraries, f"-Wl,-rpath,{folder}"]
    subprocess.run(command, check=True)
    model = saved_model_pb2.SavedModel.FromString((saved / "saved_model.pb").read_bytes())
    signature = model.meta_graphs[0].signature_def["classify"]
    operation, index = signature.outputs["scores"].name.split(":")
    asked = [program, saved, signature.inputs["inputs"].name.split(":")[0], operation, index]
    done = subprocess.run(asked, input=b"", capture_output=True, timeout=100, check=True)  # a tf.Example without values
    loaded = served_model.ServedModel(str(saved))
    expected = loaded.call("classify", {"inputs": np.array([b""], object)})["scores"][0]
    np.testing.assert_allclose([float(line) for line in done.stdout.split()], expected, atol=1e-6)


def test_transform_features_gives_the_models_inputs_and_no_label(served):
    answer = served["answers"]["transform_features"]
    assert answer == {
        "age": [20, 30, 40, 50],
        "age_missing": [0, 0, 1, 0],
        "class": [0, 1, 0, 3],
        "tags used": [[3, 0, 0], [1, 2, 0], [2, 0, 0], [0, 0, 0]],
    }


def test_brings_its_vocabularies(saved):
    (vocabulary,) = (saved / "assets").iterdir()
    assert vocabulary.read_text(encoding="utf-8").split() == ["red", "blue", "green", "missing"]


def test_the_signatures_keep_the_names_of_the_columns(saved):
    import tensorflow as tf

    columns = {
        "age": tf.TensorSpec([None], tf.float64),
        "class": tf.TensorSpec([None], tf.string),
        "tags used": tf.TensorSpec([None, None], tf.float64),
    }
    model = served_model.ServedModel(str(saved))
    for signature in ("predict", "transform_features"):
        found = model.signature_inputs(signature)
        assert {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in found.items()} == columns
    assert set(model.signature_inputs("serving_default")) == {"examples"}


def test_arguments_stand_in_for_names_that_python_cannot_have():
    names = ("fare", "class", "a b", "2nd", "größe", "self", "feature_1")
    assert signatures.arguments(names) == {
        "fare": "fare",
        "class": "feature_1_",
        "a b": "feature_2",
        "2nd": "feature_3",
        "größe": "feature_4",
        "self": "feature_5",
        "feature_1": "feature_1",
    }


def test_regression_gives_numbers(prepared, tmp_path):
    import tensorflow as tf

    spec = Spec(Label("weight", "regression", "float"), prepared.spec.features[1:], family="linear")
    graph = TransformGraph(prepared.graph, spec)
    graph.inputs = tuple(model_input for model_input in graph.inputs if not model_input.name.startswith("age"))
    rows = dataset.load(prepared.split, graph)
    found = families.FAMILIES["linear"].fit(
        spec, graph.inputs, families.FAMILIES["linear"].defaults(), rows, rows, Train(epochs=1)
    )
    export.save(str(tmp_path), spec, graph, found.predictor)
    predict = tf.saved_model.load(str(tmp_path)).signatures["predict"]
    batch = examples.read(examples.row_groups(prepared.split)[0])
    columns = examples.dense(batch, spec.features)
    answer = predict(**{"class": tf.constant(columns["class"]), "tags used": tf.constant(columns["tags used"])})
    assert set(answer) == {"predictions"}
    assert set(tf.saved_model.load(str(tmp_path)).signatures) == {
        "predict", "regress", "serving_default", "transform_features",
    }  # fmt: skip
    np.testing.assert_allclose(answer["predictions"], Predict(found.predictor)(rows.features), rtol=1e-6)

"""The ServingValidator on formula models, in the fresh process that it starts."""

import json
import pathlib

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tfx.types import standard_artifacts

from components.serving_validator import fresh_process
from components.serving_validator.component import ServingValidator
from core import examples
from core.config.deployment import Serve
from core.spec import Feature, Label, Spec
from models.serving import model_versions
from tests.components import data_stages, served_models

SPEC = Spec(
    label=Label("bought", "binary", "text", ("no", "yes")),
    features=(Feature("age", "numeric", "float"), Feature("town", "categorical", "text")),
)
FEATURES = {"age": tf.float64, "town": tf.string}
AGES = [0.125, None, 0.5, 0.75, 1.0, 0.25, 0.0, 0.375]


def _formula(columns):
    """A quarter for a missing age, and a little more in Bonn."""
    age = tf.where(tf.math.is_nan(columns["age"]), tf.constant(0.25, tf.float64), columns["age"])
    return tf.cast(tf.clip_by_value(age * 0.5, 0.0, 0.9), tf.float32) + tf.where(columns["town"] == "Bonn", 0.05, 0.0)


def _expected(folder: pathlib.Path) -> None:
    towns = [None if index % 3 == 0 else [b"Bonn"] for index in range(len(AGES))]
    ages = [None if age is None else [age] for age in AGES]
    schema = examples.arrow_schema({"age": "float", "town": "text", "bought": "text"})
    table = pa.table({"age": ages, "town": towns, "bought": [[b"no"]] * len(AGES)}, schema)
    second = [
        (0.25 if age is None else age) * 0.5 + (0.05 if town else 0.0) for age, town in zip(AGES, towns, strict=True)
    ]
    predictions = pa.array([[1 - score, score] for score in second], pa.list_(pa.float32()))
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.append_column(examples.PREDICTION, predictions), folder / "expected.parquet")


def _run(folder: pathlib.Path, formula=_formula, blessed: int = 1, **serve):
    inputs = {
        "model": data_stages.artifact(standard_artifacts.Model, folder / "model"),
        "model_run": data_stages.artifact(standard_artifacts.ModelRun, folder / "run"),
        "blessing": data_stages.artifact(standard_artifacts.ModelBlessing, folder / "blessing"),
    }
    outputs = {"infra_blessing": data_stages.artifact(standard_artifacts.InfraBlessing, folder / "infra")}
    inputs["blessing"].set_int_custom_property("blessed", blessed)
    if formula is not None:
        served_models.save(folder / "model" / "Format-Serving", formula, FEATURES, SPEC.label.classes)
    _expected(folder / "run")
    (infra,) = data_stages.run(
        ServingValidator, inputs, outputs, spec=SPEC.to_json(), serve=Serve(**serve).model_dump_json()
    )
    return infra, json.loads(infra.get_string_custom_property("report"))["summary"]


def test_model_that_is_not_blessed_is_skipped(tmp_path):
    infra, summary = _run(tmp_path, formula=None, blessed=0)
    assert infra.get_int_custom_property("blessed") == 0
    assert infra.get_string_custom_property("finding").startswith("skipped")
    assert summary == {}


@pytest.mark.slow
def test_faithful_model_is_blessed_and_gets_requests_to_warm_up(tmp_path):
    infra, summary = _run(tmp_path, max_difference=1e-4, max_p50_ms=None)
    assert infra.get_int_custom_property("blessed") == 1
    assert [(gate["name"], gate["passed"]) for gate in summary["gates"]] == [
        ("signatures", True), ("outputs", True), ("odd rows", True), ("parity", True),
    ]  # fmt: skip
    assert summary["serving"]["max_abs_difference"] < 1e-6
    assert 0 < summary["serving"]["p50_ms"] < 1000
    assert 0 < summary["serving"]["load_s"] < 60
    assert 0 < summary["serving"]["memory_mb"] < 2000
    records = tf.data.TFRecordDataset(model_versions.warm_up_file(infra.uri)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    asked = [getattr(log, str(log.WhichOneof("log_type"))).request for log in logs]
    by_signature = {request.model_spec.signature_name: request for request in asked[:5]}
    assert len(asked) == 15
    assert tf.make_ndarray(by_signature["predict"].inputs["age"]) == [0.125]
    assert tf.make_ndarray(by_signature["transform_features"].inputs["town"]) == [b""]
    for name in ("classify", "regress"):
        (example,) = by_signature[name].input.example_list.examples
        assert example.features.feature["age"].float_list.value == [0.125]
    assert tf.make_ndarray(by_signature["serving_default"].inputs["examples"]) == [example.SerializeToString()]


@pytest.mark.slow
def test_hanging_model_runs_into_the_limit(tmp_path):
    def hang(columns):
        forever = tf.while_loop(lambda step: step >= 0, lambda step: tf.abs(tf.sin(step)), [tf.constant(1.0)])[0]
        return _formula(columns) + forever

    model = served_models.save(tmp_path / "model", hang, FEATURES, SPEC.label.classes)
    _expected(tmp_path / "run")
    expected = str(tmp_path / "run" / "expected.parquet")
    answer = fresh_process.check(model, expected, SPEC.to_json(), Serve().model_dump_json(), timeout_s=8)
    assert answer["gates"][-1]["why"] == "The model gave no answer within 8 seconds."


@pytest.mark.slow
def test_process_that_was_started_before_answers_one_check(tmp_path):
    model = served_models.save(tmp_path / "model", _formula, FEATURES, SPEC.label.classes)
    _expected(tmp_path / "run")
    asked = model, str(tmp_path / "run" / "expected.parquet"), SPEC.to_json(), Serve().model_dump_json()
    with fresh_process.started():
        (process,) = psutil.Process().children()
        assert all(gate["passed"] for gate in fresh_process.check(*asked)["gates"][:4])
        assert not process.is_running()
    with fresh_process.started():
        (unused,) = psutil.Process().children()
    assert not unused.is_running()


@pytest.mark.slow
def test_check_that_fails_itself_shows_its_last_lines(tmp_path):
    model = served_models.save(tmp_path / "model", _formula, FEATURES, SPEC.label.classes)
    with pytest.raises(RuntimeError, match=r"(?s)exit code 1.*FileNotFoundError"):
        fresh_process.check(model, str(tmp_path / "nowhere.parquet"), SPEC.to_json(), Serve().model_dump_json())

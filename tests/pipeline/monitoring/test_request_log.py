"""Logs of TensorFlow Serving, made of its own messages."""

import datetime
import math

import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from core.errors import UserError
from core.spec import TRUE_OR_FALSE, Feature, Label, Spec
from pipeline.monitoring.requests import request_log

FEATURES = (
    Feature("age", "numeric", "float"),
    Feature("rooms", "categorical", "int"),
    Feature("town", "categorical", "text"),
    Feature("tags", "categorical", "text", repeated=True),
)
SPEC = Spec(label=Label("bought", "binary", "int", ("0", "1")), features=FEATURES)
ROWS = {"age": [[2.5], None], "rooms": [[3], None], "town": [[b"ulm"], None], "tags": [[b"a", b"b"], [b"c"]]}


def _write(path, *logs):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
    return [str(path)]


def _predict_log():
    log = prediction_log_pb2.PredictionLog()
    inputs = log.predict_log.request.inputs
    inputs["age"].CopyFrom(tf.make_tensor_proto([2.5, math.nan], tf.float64))
    inputs["rooms"].CopyFrom(tf.make_tensor_proto([3.0, math.nan], tf.float64))
    inputs["town"].CopyFrom(tf.make_tensor_proto([b"ulm", b""]))
    inputs["tags"].CopyFrom(tf.make_tensor_proto([[b"a", b"b"], [b"c", b""]]))
    return log


def _examples():
    features = {"age": tf.train.Feature(float_list=tf.train.FloatList(value=[2.5]))}
    features["rooms"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[3]))
    features["town"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"ulm"]))
    features["tags"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a", b"b"]))
    full = tf.train.Example(features=tf.train.Features(feature=features))
    tags = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"c"]))
    return full, tf.train.Example(features=tf.train.Features(feature={"tags": tags}))


def _read(files):
    return pa.Table.from_batches(
        [logged.features for logged in request_log.RequestLog(files, SPEC).batches()]
    ).to_pydict()


def test_tensors_by_feature(tmp_path):
    files = _write(tmp_path / "log", _predict_log())
    assert request_log.is_log(files)
    assert _read(files) == ROWS


@pytest.mark.parametrize("kind", ["predict", "classify", "regress"])
def test_examples(kind, tmp_path):
    log = prediction_log_pb2.PredictionLog()
    if kind == "predict":
        texts = [example.SerializeToString() for example in _examples()]
        log.predict_log.request.inputs["examples"].CopyFrom(tf.make_tensor_proto(texts))
    else:
        request = getattr(log, f"{kind}_log").request
        request.input.example_list.examples.extend(_examples())
    assert _read(_write(tmp_path / "log", log)) == ROWS


def test_texts_of_moments_and_truth_values(tmp_path):
    features = (
        Feature("start", "timestamp", "int", unit="s", written="ISO 8601"),
        Feature("open", "categorical", "int", written=TRUE_OR_FALSE),
    )
    log = prediction_log_pb2.PredictionLog()
    inputs = log.predict_log.request.inputs
    inputs["start"].CopyFrom(tf.make_tensor_proto([b"1970-01-01T01:00:00+00:30", b"90", b""]))
    inputs["open"].CopyFrom(tf.make_tensor_proto([b"true", b"0", b"null"]))
    (logged,) = request_log.RequestLog(_write(tmp_path / "log", log), Spec(SPEC.label, features)).batches()
    assert logged.features.to_pydict() == {"start": [[1_800], [90], None], "open": [[1], [0], None]}


def test_values_of_another_model(tmp_path):
    log = _predict_log()
    log.predict_log.request.inputs["age"].CopyFrom(tf.make_tensor_proto([b"x", b"y"]))
    with pytest.raises(UserError, match="a logged request has values that are none of the model's features"):
        _read(_write(tmp_path / "log", log))


def test_equal_values_are_written_once(tmp_path):
    log = _predict_log()
    tensor = tf.make_tensor_proto([2.5], tf.float64)
    tensor.tensor_shape.dim[0].size = 2
    log.predict_log.request.inputs["age"].CopyFrom(tensor)
    assert _read(_write(tmp_path / "log", log))["age"] == [[2.5], [2.5]]


def test_a_log_may_have_times(tmp_path):
    log = _predict_log()
    log.log_metadata.timestamp_secs = 90
    (logged,) = request_log.RequestLog(_write(tmp_path / "log", log), SPEC).batches()
    assert logged.times.to_pylist() == [datetime.datetime(1970, 1, 1, 0, 1, 30)] * 2


def test_of_a_long_log_some_records_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(request_log, "MOST_RECORDS", 2)
    assert len(_read(_write(tmp_path / "log", *[_predict_log()] * 5))["age"]) == 4


def test_a_record_that_is_being_written_is_left_out(tmp_path):
    files = _write(tmp_path / "log", _predict_log(), _predict_log())
    content = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(content[:-3])
    assert _read(files) == ROWS


def test_examples_alone_are_no_log(tmp_path):
    assert not request_log.is_log(_write(tmp_path / "log", _examples()[0]))


def test_a_request_of_another_model(tmp_path):
    log = _predict_log()
    del log.predict_log.request.inputs["town"]
    with pytest.raises(UserError, match="a request has no input 'town', which the model takes"):
        _read(_write(tmp_path / "log", log))


def _answers(folder, log, spec=SPEC, version=3):
    (logged,) = request_log.RequestLog(_write(folder / "log", log), spec, version).batches()
    return logged.answers.to_pylist()


@pytest.mark.parametrize(("version", "expected"), [(0, [[0.25, 0.75], [0.5, 0.5]]), (3, [[0.25, 0.75], [0.5, 0.5]])])
def test_answers_to_predict(version, expected, tmp_path):
    log = _predict_log()
    log.predict_log.response.outputs["scores"].CopyFrom(tf.make_tensor_proto([[0.25, 0.75], [0.5, 0.5]]))
    log.predict_log.response.model_spec.version.value = version
    assert _answers(tmp_path, log) == expected


def test_answers_of_another_version_or_form_are_not_read(tmp_path):
    log = _predict_log()
    log.predict_log.response.outputs["scores"].CopyFrom(tf.make_tensor_proto([[0.25], [0.5]]))
    assert _answers(tmp_path, log) == [None, None]
    log.predict_log.response.outputs["scores"].CopyFrom(tf.make_tensor_proto([[0.25, 0.75], [0.5, 0.5]]))
    log.predict_log.response.model_spec.version.value = 2
    assert _answers(tmp_path, log) == [None, None]


def test_answers_to_classify_and_regress(tmp_path):
    log = prediction_log_pb2.PredictionLog()
    log.classify_log.request.input.example_list.examples.append(_examples()[0])
    row = log.classify_log.response.result.classifications.add()
    for label, score in (("1", 0.75), ("0", 0.25)):
        row.classes.add(label=label, score=score)
    assert _answers(tmp_path, log) == [[0.25, 0.75]]
    log = prediction_log_pb2.PredictionLog()
    log.regress_log.request.input.example_list.examples.append(_examples()[0])
    log.regress_log.response.result.regressions.add(value=1.5)
    assert _answers(tmp_path, log, Spec(Label("price", "regression", "float"), FEATURES)) == [[1.5]]


APRIL_10 = 1_712_707_200_000_000  # 2024-04-10 00:00 UTC in microseconds
WRITTEN = (
    Feature("at", "timestamp", "int", written="%d.%m.%Y"),
    Feature("flag", "categorical", "int", written="true or false"),
    Feature("large", "numeric", "int", written="whole numbers"),
)


def test_texts_of_moments_truth_values_and_large_numbers(tmp_path):
    texts = {
        "at": [b"10.04.2024", b"2024-04-10T02:00+02:00", b""],
        "flag": [b"true", b"0", b"NA"],
        "large": [b"9007199254740993", b"5", b"words"],
    }
    by_feature, examples = prediction_log_pb2.PredictionLog(), prediction_log_pb2.PredictionLog()
    for name, values in texts.items():
        by_feature.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    for row in range(3):
        example = examples.classify_log.request.input.example_list.examples.add()
        for name, values in texts.items():
            example.features.feature[name].bytes_list.value.append(values[row])
    spec = Spec(label=Label("bought", "binary", "int", ("0", "1")), features=WRITTEN)
    for log in (by_feature, examples):
        (logged,) = request_log.RequestLog(_write(tmp_path / "log", log), spec).batches()
        assert logged.features.to_pydict() == {
            "at": [[APRIL_10], [APRIL_10], None],
            "flag": [[1], [0], None],
            "large": [[2**53 + 1], [5], None],
        }

"""Tests the check of a served model, on models with a known formula, in this process."""

import pathlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from core import examples
from core.config.deployment import Serve
from core.spec import Feature, Label, Spec
from models.evaluation.gates import GateResult
from models.serving import parity_check
from tests.components import served_models

SPEC = Spec(
    label=Label("bought", "binary", "text", ("no", "yes")),
    features=(Feature("age", "numeric", "float"), Feature("town", "categorical", "text")),
)
FEATURES = {"age": tf.float64, "town": tf.string}
PRICE = Spec(label=Label("price", "regression", "float"), features=(Feature("age", "numeric", "float"),))


def _known(age):
    """Returns the age, and a quarter where it is missing."""
    return tf.cast(tf.where(tf.math.is_nan(age), tf.constant(0.25, tf.float64), age), tf.float32)


def _yes(columns):
    return tf.clip_by_value(_known(columns["age"]), 0.0, 0.9) + tf.where(columns["town"] == "Bonn", 0.05, 0.0)


def _save(folder: pathlib.Path, formula=_yes, features=FEATURES, classes=SPEC.label.classes) -> tuple[str, str]:
    """Saves a model, and the predictions of `_yes` for 100 rows; returns both paths."""
    model = served_models.save(folder / "model", formula, features, classes)
    ages = [None if index % 5 == 0 else index / 100 for index in range(100)]
    towns = [[b"Bonn"] if index % 2 else None for index in range(100)]
    yes = np.clip([0.25 if age is None else age for age in ages], 0, 0.9) + np.tile([0, 0.05], 50)
    table = pa.table(
        {"age": [None if age is None else [age] for age in ages], "town": towns},
        examples.arrow_schema({"age": "float", "town": "text"}),
    )
    expected = pa.array([[1 - probability, probability] for probability in yes], pa.list_(pa.float32()))
    pq.write_table(table.append_column(examples.PREDICTION, expected), folder / "expected.parquet")
    return model, str(folder / "expected.parquet")


def _check(folder: pathlib.Path, *model, serve: Serve | None = None, **more) -> parity_check.Answer:
    return parity_check.check(*_save(folder, *model, **more), SPEC, serve or Serve())


def _failed(answer: parity_check.Answer) -> GateResult:
    return next(result for result in answer.gates if not result.passed)


def test_faithful_model_passes_everything(tmp_path):
    answer = _check(tmp_path, serve=Serve(max_p50_ms=10_000))
    assert [gate.name for gate in answer.gates] == ["signatures", "outputs", "odd rows", "parity", "p50"]
    assert all(gate.passed for gate in answer.gates)
    assert answer.max_abs_difference is not None
    assert answer.max_abs_difference < 1e-6
    costs = answer.costs
    assert costs is not None
    assert 0 < costs.p50_ms <= costs.p99_ms < 10_000
    assert 0 < costs.p50_1024_ms <= costs.p99_1024_ms < 10_000
    assert costs.first_ms > costs.p50_ms  # TensorFlow prepares a graph when it is first called
    assert costs.size_mb == pytest.approx(
        sum(file.stat().st_size for file in (tmp_path / "model").rglob("*") if file.is_file()) / 1e6
    )


def test_slow_model_runs_into_its_limit(tmp_path):
    gate = _failed(_check(tmp_path, serve=Serve(max_p50_ms=1e-6)))
    assert gate.name == "p50"
    assert "ms in the median, and at most 1e-06 ms were asked for. Raise serve.max_p50_ms, or" in gate.why


def test_answers_that_depend_on_the_size_of_the_request_are_found(tmp_path):
    """The mean of the batch leaks into its rows: alone, every row is answered well."""

    def formula(columns):
        yes = _yes(columns)
        return yes + 1e-3 * (yes - tf.reduce_mean(yes))

    gate = _failed(_check(tmp_path, formula))
    assert gate.name == "parity"
    assert gate.limit == 1e-4
    assert gate.value is not None
    assert 1e-4 < gate.value < 1e-3


def test_missing_values_must_get_an_answer(tmp_path):
    gate = _failed(_check(tmp_path, lambda columns: tf.cast(columns["age"], tf.float32)))
    assert gate.name == "outputs"
    assert gate.why == "Some scores are no numbers."


def test_unknown_values_must_get_an_answer(tmp_path):
    gate = _failed(_check(tmp_path, lambda columns: _known(columns["age"])))
    assert gate.name == "odd rows"
    assert gate.why.startswith(
        "With unknown values in all features: The scores of an answer are no probabilities: they do not add up to 1."
    )


def test_request_that_crashes_the_model_is_its_fault(tmp_path):
    def formula(columns):
        with tf.control_dependencies([tf.debugging.assert_less(tf.size(columns["age"]), 50, "too many")]):
            return _yes(columns)

    gate = _failed(_check(tmp_path, formula))
    assert gate.name == "answers"
    assert gate.why.startswith("A request failed: ")


def test_label_in_a_signature_is_found(tmp_path):
    gate = _failed(_check(tmp_path, _yes, {**FEATURES, "bought": tf.string}))
    assert (gate.name, gate.why) == ("signatures", "Signature 'predict' takes 'bought', which no request has.")


def test_classes_in_another_order_are_found(tmp_path):
    gate = _failed(_check(tmp_path, classes=("yes", "no")))
    assert (gate.name, gate.why) == ("outputs", "`classes` of an answer are not no, yes in this order.")


def test_folder_without_a_model_does_not_load(tmp_path):
    paths = _save(tmp_path)
    (tmp_path / "model" / "saved_model.pb").unlink()
    gate = _failed(parity_check.check(*paths, SPEC, Serve()))
    assert gate.name == "loads"
    assert "holds no saved_model.pb" in gate.why


@pytest.mark.parametrize(("off", "passed"), [(5.0, True), (500.0, False)])
def test_large_numbers_are_compared_by_their_size(tmp_path, off, passed):
    """A float32 of a million has no digits left for 1e-4."""
    model = served_models.save(
        tmp_path / "model", lambda columns: _known(columns["age"]) * 1e6 + off, {"age": tf.float64}
    )
    table = pa.table({"age": [[1.0], [2.0]]}, examples.arrow_schema({"age": "float"}))
    expected = pa.array([[1e6], [2e6]], pa.list_(pa.float32()))
    pq.write_table(table.append_column(examples.PREDICTION, expected), tmp_path / "expected.parquet")
    answer = parity_check.check(model, str(tmp_path / "expected.parquet"), PRICE, Serve())
    assert answer.gates[-1].passed is passed
    assert answer.max_abs_difference == pytest.approx(off, rel=0.01)


@pytest.mark.slow
def test_it_needs_tensorflow_alone():
    others = {"tfx", "tensorflow_transform", "apache_beam"}
    code = f"import sys, models.serving.parity_check; print({others!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

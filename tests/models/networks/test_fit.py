"""One training, on tiny tables whose answer is known."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from core.config.sections import Train
from core.errors import GateError
from core.spec import Input, Label, Spec
from models import families
from models.networks import execution
from models.networks import fit as fitting
from models.preprocessing.rows import TransformedRows
from models.trained import Predict

INPUTS = (Input("x", "numeric", mean=0.5, std=0.3, boundaries=(0.25, 0.5, 0.75)),)
BINARY = Label("y", "binary", "int", ("0", "1"))
OPTIONS = Train(epochs=8, patience=8)


def rows(label, count: int = 256, weights: np.ndarray | None = None) -> TransformedRows:
    """Returns rows of x in [0, 1) and a label that is a function of it."""
    x = np.random.default_rng(0).random([count, 1], np.float32)
    return TransformedRows({"numeric": x}, label(x[:, 0]), weights)


def fit(label: Label, train: TransformedRows, validation: TransformedRows | None = None, **changed):
    mlp = families.FAMILIES["mlp"]
    hyperparameters = mlp.defaults({"layers": 1, "units": 64, "learning_rate": 0.01})
    arguments = {"options": OPTIONS, **changed}
    return families.FAMILIES["mlp"].fit(
        Spec(label, ()), INPUTS, hyperparameters, train, validation or train, **arguments
    )


def in_the_middle(x: np.ndarray) -> np.ndarray:
    return ((x > 0.3) & (x < 0.7)).astype(np.int64)


def test_learns_what_no_line_separates():
    trained = fit(BINARY, rows(in_the_middle))
    assert trained.metrics["auc"] > 0.95
    assert trained.epochs == 8
    assert {"loss", "val_loss"} <= set(trained.history)
    assert {len(values) for values in trained.history.values()} == {8}
    assert trained.hyperparameters["units"] == 64


def test_the_time_of_a_step_and_of_its_input_is_measured():
    """256 rows are 16 steps of 16 rows, in one execution an epoch; the first execution is not measured."""
    time = fit(BINARY, rows(in_the_middle)).time
    assert time.steps == 7 * 16
    assert 0 < time.step < time.seconds / 112
    assert 0 < time.input < time.seconds


def test_multiclass():
    trained = fit(Label("y", "multiclass", "int", ("0", "1", "2")), rows(lambda x: (x * 3).astype(np.int64)))
    assert trained.metrics["accuracy"] > 0.9


@pytest.mark.slow
def test_regression_in_the_labels_own_unit():
    trained = fit(Label("y", "regression", "float"), rows(lambda x: 1_000 + 100 * x))
    assert trained.metrics["rmse"] < 10
    predicted = Predict(trained.predictor)({"numeric": np.array([[0.0], [1.0]], np.float32)})
    np.testing.assert_allclose(predicted, [1_000, 1_100], atol=25)


def test_rows_without_weight_are_not_learned_from():
    train = rows(in_the_middle)
    wrong = TransformedRows(train.features, 1 - train.labels, np.zeros(len(train), np.float32))
    both = TransformedRows(
        {"numeric": np.concatenate([train.features["numeric"], wrong.features["numeric"]])},
        np.concatenate([train.labels, wrong.labels]),
        np.concatenate([np.ones(len(train), np.float32), wrong.weights]),
    )
    assert fit(BINARY, both, train).metrics["auc"] > 0.95


def test_balanced_classes_count_the_same_in_training_and_in_stopping():
    rare = rows(lambda x: (np.arange(len(x)) % 8 == 0).astype(np.int64))
    options = Train(epochs=6, patience=6, class_weights="balanced")
    trained = fit(BINARY, rare, options=options)
    scores = Predict(trained.predictor)(rare.features)[:, 1]
    np.testing.assert_allclose(scores.mean(), 0.5, atol=0.1)  # one row in eight is of the second class
    assert trained.metrics["log_loss"] > 0.5
    stopping = np.where(rare.labels == 1, 4, 4 / 7) * -np.log(np.where(rare.labels == 1, scores, 1 - scores))
    np.testing.assert_allclose(min(trained.history["val_loss"]), stopping.mean(), rtol=1e-4)


def test_values_that_are_all_swapped_cannot_be_learned():
    trained = fit(BINARY, rows(in_the_middle), options=Train(epochs=8, patience=8, swap_noise=1.0))
    assert trained.history["loss"][-1] > 0.6  # without information it is at least 0.67


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model():
    train = rows(in_the_middle, 64)
    options = Train(epochs=2)
    first, again = (fit(BINARY, train, options=options) for _ in range(2))
    for left, right in zip(first.predictor.get_weights(), again.predictor.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.slow
def test_stops_early_and_goes_back_to_the_best_epoch():
    train = rows(lambda x: np.random.default_rng(1).integers(0, 2, len(x)), 64)
    validation = rows(lambda x: np.random.default_rng(2).integers(0, 2, len(x)), 64)
    told = []
    options = Train(epochs=100, patience=2)
    trained = fit(BINARY, train, validation, options=options, report=lambda *values: told.append(values))
    assert trained.epochs < 100
    ends = {done: text for text, done, _ in told if done and done == int(done)}
    assert list(ends) == list(range(1, trained.epochs + 1))
    assert ends[1].startswith("epoch 1/100 auc 0.")
    assert ends[trained.epochs - 2].endswith(f"auc {trained.metrics['auc']:.4f}")


def test_fewer_rows_than_a_batch():
    assert fit(BINARY, rows(in_the_middle, 3), options=Train(epochs=1)).epochs == 1


def test_one_class_only_is_measured_without_auc():
    validation = rows(lambda x: np.zeros(len(x), np.int64), 8)
    assert "auc" not in fit(BINARY, rows(in_the_middle), validation, options=Train(epochs=1)).metrics


@pytest.mark.parametrize("outlier_in", ["train", "validation"])
def test_an_outlier_of_the_label_does_not_decide_the_training(outlier_in):
    splits = {"train": rows(lambda x: 1_000 + 100 * x), "validation": rows(lambda x: 1_000 + 100 * x)}
    splits[outlier_in].labels[7] = 1e7
    logs = []
    remember = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, found: logs.append(dict(found)))
    label = Label("y", "regression", "float")
    trained = fit(
        label, splits["train"], splits["validation"], callbacks=[remember], options=Train(epochs=40, patience=40)
    )
    predicted = Predict(trained.predictor)({"numeric": np.array([[0.0], [1.0]], np.float32)})
    np.testing.assert_allclose(predicted, [1_000, 1_100], atol=25)
    assert all(epoch["val_loss"] == epoch["val_mae"] for epoch in logs)


def test_diverging_is_said_before_the_epoch_ends():
    executions = []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: executions.append(batch))
    options = Train(epochs=1, batch_size=16, learning_rate=1e30)
    train = rows(lambda x: x, 4_096)  # 8 executions of 32 steps
    with pytest.raises(GateError, match=r"training diverged\. Lower train\.learning_rate"):
        fit(Label("y", "regression", "float"), train, options=options, callbacks=[count])
    assert len(executions) < 8


def test_batches_grow_with_the_table():
    sizes = [fitting.auto_batch_size(rows) for rows in (1, 344, 15_000, 330_000, 10**8)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 16


@pytest.mark.slow
def test_the_strategy_follows_the_devices():
    code = """
import numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from core.config.sections import Train
from core.spec import Input, Label, Spec
from models import families
from models.networks import execution
from models.networks import fit as fitting
from models.preprocessing.rows import TransformedRows

assert isinstance(fitting.strategy(["CPU:0", "CPU:1"]), tf.distribute.MirroredStrategy)
assert isinstance(fitting.strategy(["CPU:0"]), tf.distribute.OneDeviceStrategy)
assert fitting.strategy([]) is tf.distribute.get_strategy()
x = np.random.default_rng(0).random([256, 1], np.float32)
rows = TransformedRows({"numeric": x}, (x[:, 0] > 0.5).astype(np.int64))
spec = Spec(Label("y", "binary", "int", ("0", "1")), (), family="linear")
options = Train(epochs=5, batch_size=64)
for devices in ([], ["CPU:0"], ["CPU:0", "CPU:1"]):
    inputs = (Input("x", "numeric", mean=0.5, std=0.3),)
    linear = families.FAMILIES["linear"]
    found = linear.fit(spec, inputs, linear.defaults(), rows, rows, options, devices=devices)
    print(round(found.metrics["log_loss"], 3))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    plain, one, mirrored = done.stdout.split()
    assert plain == one == mirrored


def test_the_number_of_steps_at_once_does_not_change_the_model():
    train = rows(in_the_middle, 640)  # 40 steps of 16 rows an epoch
    found = [fit(BINARY, train, options=Train(epochs=2, batch_size=16, steps_per_execution=k)) for k in (1, 9)]
    assert [trained.execution.split(" · ")[0] for trained in found] == ["1 steps at once", "10 steps at once"]
    for left, right in zip(*(trained.predictor.get_weights() for trained in found), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_long_training_is_measured_and_stays_the_same(monkeypatch):
    train, options = rows(in_the_middle, 64), Train(epochs=2, batch_size=16)
    short = fit(BINARY, train, options=options)
    monkeypatch.setattr(execution, "_MEASURED_FROM", 1)
    measured = fit(BINARY, train, options=options)
    assert short.execution == "4 steps at once · no XLA · float32"
    assert re.fullmatch(r"\d steps at once · .* ms each · no XLA · float32", measured.execution)
    for left, right in zip(short.predictor.get_weights(), measured.predictor.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_what_is_trained_in_16_bits_is_served_in_32():
    options = Train(epochs=8, patience=8, mixed_precision=True, jit_compile=True)
    trained = fit(BINARY, rows(in_the_middle), options=options)
    assert trained.execution.endswith("XLA · mixed_bfloat16")
    assert trained.metrics["auc"] > 0.95
    assert {layer.compute_dtype for layer in trained.predictor.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_mixup_learns_several_classes():
    label = Label("y", "multiclass", "int", ("0", "1", "2"))
    trained = fit(label, rows(lambda x: (x * 3).astype(np.int64)), options=Train(epochs=8, patience=8, mixup=0.2))
    assert trained.metrics["accuracy"] > 0.85


def test_a_refit_trains_on_all_rows_for_as_many_epochs_as_were_best():
    """Rows of validation that say the opposite of those of train make the first epoch best; then they are learned."""
    train = rows(in_the_middle)
    opposite = rows(lambda x: 1 - in_the_middle(x), 768)
    found = fit(BINARY, train, opposite)
    assert found.best_epoch == 1 + int(np.argmin(found.history["val_loss"]))
    again = families.FAMILIES["mlp"].refit(Spec(BINARY, ()), INPUTS, found, train, opposite, OPTIONS)
    assert (again.metrics, again.predictions) == (found.metrics, None)
    middle = {"numeric": np.array([[0.5]], np.float32)}
    before, after = (float(Predict(model.predictor)(middle)[0, 1]) for model in (found, again))
    assert after < before


def test_a_refit_ends_with_the_last_weights():
    """With the rows of train alone, so many epochs give the weights that early stopping restores after them."""
    train = rows(in_the_middle)
    found = fit(BINARY, train)
    ended = fit(BINARY, train, end=found.best_epoch)
    assert ended.epochs == ended.best_epoch == found.best_epoch
    expected = Predict(found.predictor)(train.features)
    np.testing.assert_array_equal(Predict(ended.predictor)(train.features), expected)

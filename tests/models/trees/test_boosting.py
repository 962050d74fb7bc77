"""Boosted trees from packed rows to a Keras model."""

import keras
import numpy as np
import pytest

from core.config.sections import Train
from core.spec import Input, Label, Spec
from models import families
from models.preprocessing.rows import TransformedRows
from models.trained import Predict
from models.trees import boosting

TREES = families.FAMILIES["trees"]
NUMERIC = (Input("a", "numeric"), Input("b", "numeric"))
CATEGORICAL = (Input("c", "categorical", size=30), Input("d", "categorical", size=5))
LABELS = {
    "binary": Label("y", "binary", "int", ("0", "1")),
    "multiclass": Label("y", "multiclass", "int", ("0", "1", "2", "3")),  # class 3 never occurs
    "regression": Label("y", "regression", "float"),
}
OPTIONS = Train()


def made(task: str, kinds: str, count: int = 600) -> tuple[tuple[Input, ...], TransformedRows]:
    generator = np.random.default_rng(1)
    numeric = generator.random([count, 2], np.float32)
    numeric[:, 1] = np.nan
    categorical = generator.integers(0, [30, 5], [count, 2]).astype(np.int32)
    tokens = categorical[:, :1, None] * np.array([1, 0, 0], np.int32) + np.array([1, 35, 0], np.int32)
    value = numeric[:, 0] if kinds == "numeric" else categorical[:, 0] % 2 + 0.1 * numeric[:, 0]
    y = (
        value.astype(np.float64) * 10
        if task == "regression"
        else np.digitize(value, [0.5] if task == "binary" else [0.5, 1.05])
    )
    chosen = {"numeric": numeric, "categorical": categorical, "tokens": tokens}
    inputs = {"numeric": NUMERIC, "categorical": CATEGORICAL, "tokens": (Input("t", "tokens", size=40),)}
    names = list(chosen) if kinds == "all" else [kinds]
    return sum((inputs[name] for name in names), ()), TransformedRows({name: chosen[name] for name in names}, y)


def fit(task, inputs, rows, **changed):
    values = TREES.defaults({"iterations": 100, "learning_rate": 0.2, **changed.pop("values", {})})
    half = len(rows) // 2
    spec = Spec(LABELS[task], (), family="trees")
    options = changed.pop("options", OPTIONS)
    return TREES.fit(spec, inputs, values, rows.take(slice(half)), rows.take(slice(half, None)), options, **changed)


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("kinds", ["numeric", "categorical", "tokens", "all"])
def test_learns_every_task_from_every_kind(task, kinds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inputs, rows = made(task, kinds)
    found = fit(task, inputs, rows)
    assert found.metrics["r2"] > 0.9 if task == "regression" else found.metrics["accuracy"] > 0.7
    assert 0 < found.trees <= 100
    assert list(tmp_path.iterdir()) == []
    scores = Predict(found.predictor)(rows.features)
    assert scores.dtype == np.float32
    alone = Predict(found.predictor)(rows.take(slice(3, 4)).features)
    np.testing.assert_allclose(alone, scores[3:4], atol=1e-6)
    found.predictor.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(Predict(loaded)(rows.features), scores)


def test_the_same_seed_gives_the_same_trees():
    inputs, rows = made("binary", "categorical")
    first, again = (Predict(fit("binary", inputs, rows).predictor)(rows.features) for _ in range(2))
    other = Predict(fit("binary", inputs, rows, options=Train(seed=1)).predictor)(rows.features)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_weights_decide_between_contradictions():
    inputs, rows = made("binary", "numeric")
    wrong = TransformedRows(rows.features, 1 - rows.labels, np.zeros(len(rows), np.float32))
    right = TransformedRows(rows.features, rows.labels, np.ones(len(rows), np.float32))
    both = right.joined(wrong)
    mixed = both.take(np.random.default_rng(0).permutation(len(both)))
    assert fit("binary", inputs, mixed).metrics["auc"] > 0.95


def test_an_outlier_of_the_label_does_not_decide_the_trees():
    inputs, rows = made("regression", "numeric")
    rows.labels[7] = 1e30
    found = Predict(fit("regression", inputs, rows).predictor)(rows.features)
    assert np.median(np.abs(found - rows.labels)) < 1


def test_an_error_of_rounding_decides_nothing():
    x = np.tile(np.float32([-3.7, -2e-17, 0.0, 0.3, 0.9]), 60)
    upper = np.arange(300) // 5 % 2 == 0
    x[upper] = np.nextafter(x[upper], np.float32(9))
    rows = TransformedRows({"numeric": x[:, None]}, (upper | (x > 0.5)).astype(np.int64))
    scores = Predict(fit("binary", NUMERIC[:1], rows).predictor)(rows.features)[:, 1].reshape(60, 5)
    np.testing.assert_array_equal(scores, np.repeat(scores[:1], 60, axis=0))
    assert scores[0, 0] < 0.6 < scores[0, 4]


def test_near_values_are_merged_and_far_ones_are_kept():
    values = np.float32([1, np.nan, 1.000001, 2, 1e6, 1e6 + 1, 1e-12, -1e-12, 1.1, np.inf])
    expected = np.float32([1, np.nan, 1, 2, 1e6, 1e6, -1e-12, -1e-12, 1.1, np.inf])
    np.testing.assert_array_equal(boosting._merged(values), expected)
    dense = np.linspace(1, 2, 1_000_001, dtype=np.float32)
    assert 100_000 < len(np.unique(boosting._merged(dense))) < 300_000


@pytest.mark.parametrize("task", LABELS)
def test_the_size_of_a_batch_decides_nothing(task):
    inputs, rows = made(task, "all", 1_000)
    predict = Predict(fit(task, inputs, rows).predictor)
    whole = predict(rows.features)
    for size in (1, 7):
        parts = [predict(rows.take(slice(at, at + size)).features) for at in range(0, 70, size)]
        np.testing.assert_allclose(np.concatenate(parts), whole[:70], atol=1e-7 if task != "regression" else 1e-5)


@pytest.mark.parametrize("task", LABELS)
def test_without_information_the_mean_is_predicted(task):
    rows = TransformedRows({"numeric": np.ones([8, 1], np.float32)}, np.array([0, 1, 0, 0] * 2))
    (scores, *_) = Predict(fit(task, NUMERIC[:1], rows).predictor)(rows.features)
    expected = {"binary": [4 / 6 + 1 / 30, 1.5 / 5], "multiclass": [3.5 / 6, 1.5 / 6, 0.5 / 6, 0.5 / 6]}
    np.testing.assert_allclose(scores, expected.get(task, 0.25), atol=1e-6)


def test_balanced_classes_count_the_same_and_the_metrics_are_those_of_the_rows():
    rows = TransformedRows({"numeric": np.ones([16, 1], np.float32)}, np.array([0, 0, 0, 1] * 4))
    found = fit("binary", NUMERIC[:1], rows, options=Train(class_weights="balanced"))
    np.testing.assert_allclose(Predict(found.predictor)(rows.features), 0.5, atol=1e-6)
    np.testing.assert_allclose(found.metrics["brier"], 0.25, atol=1e-6)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_label_of_one_value_gives_a_model(task):
    inputs, rows = made(task, "numeric", 20)
    one = TransformedRows(rows.features, np.zeros(20, np.int64))
    assert np.isfinite(Predict(fit(task, inputs, one).predictor)(one.features)).all()


def test_the_budget_stops_and_progress_is_reported():
    inputs, rows = made("binary", "all")
    told = []
    found = fit("binary", inputs, rows, budget=0.0, report=lambda *progress: told.append(progress))
    assert found.trees <= 2
    assert told[0] == ("target means", 0, 100)
    assert told[1][0].startswith("tree 1/100 loss 0.")


def test_a_refit_has_a_tenth_more_trees():
    inputs, rows = made("regression", "all")
    found = fit("regression", inputs, rows)
    spec = Spec(LABELS["regression"], (), family="trees")
    again = boosting.refit(spec, inputs, found, rows.take(slice(300)), rows.take(slice(300, None)), OPTIONS)
    assert again.trees == round(found.trees * 1.1)
    assert again.metrics == found.metrics


def test_the_seed_decides():
    inputs, rows = made("binary", "all")
    first, again = (Predict(fit("binary", inputs, rows).predictor)(rows.features) for _ in range(2))
    np.testing.assert_array_equal(first, again)

"""The verdict on rows small enough to judge by hand, and its statistics against textbook and chance."""

import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.spec import Label, Task
from models.evaluation import metrics, model_comparison
from models.evaluation.gates import Gate

BINARY = Label("bought", "binary", "text", ("no", "yes"))
THREE = Label("kind", "multiclass", "text", ("a", "b", "c"))
NUMBER = Label("price", "regression", "float")


def _rows(labels, weights=None, **predictions) -> model_comparison.Rows:
    labels = np.asarray(labels)
    ones = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    return model_comparison.Rows(
        labels, ones, {name: np.asarray(each, np.float32) for name, each in predictions.items()}
    )


def _judge(label: Label, rows: model_comparison.Rows, limits=None, slices=()) -> dict[str, Gate]:
    measured = {
        name: metrics.compute(label.task, rows.labels, each, rows.weights)
        for name, each in rows.predictions.items()
        if np.isfinite(each).all()
    }
    return {gate.name: gate for gate in model_comparison.judge(label, rows, measured, limits or {}, slices)}


def _scores(yes) -> np.ndarray:
    yes = np.asarray(yes)
    return np.stack([1 - yes, yes], axis=1)


HALF = _scores([0.5] * 8)
LABELS = [0, 0, 0, 0, 1, 1, 1, 1]


def test_perfect_model_beats_the_constant():
    gate = _judge(BINARY, _rows(LABELS, candidate=_scores(LABELS), constant=HALF))["constant"]
    assert gate == Gate("constant", True, 1.0, 0.5, "auc 1.000 beats the constant's 0.500.")


def test_constant_model_does_not():
    gate = _judge(BINARY, _rows(LABELS, candidate=HALF, constant=HALF))["constant"]
    assert not gate.passed
    assert gate.why == "auc 0.500 does not beat 0.500, which one constant answer for all rows reaches."


def test_gain_that_chance_explains_is_none():
    weak = _scores([0.1, 0.6, 0.3, 0.8, 0.2, 0.7, 0.4, 0.9])  # 10 of 16 pairs in order
    gate = _judge(BINARY, _rows(LABELS, candidate=weak, constant=HALF))["constant"]
    assert (gate.passed, gate.value) == (False, 0.625)
    assert gate.why.startswith("auc 0.625 is no clear gain over the constant's 0.500: on 8 test rows chance explains")


def test_one_row_of_a_class_tells_nothing():
    labels = [0, 0, 0, 1]
    gate = _judge(BINARY, _rows(labels, candidate=_scores(labels), constant=_scores([0.5] * 4)))["constant"]
    assert not gate.passed
    assert gate.why.startswith("The test split has a single row of one class")


def test_single_class_gets_a_verdict():
    (gate,) = _judge(BINARY, _rows([1, 1, 1], candidate=_scores([0.5] * 3), constant=_scores([0.5] * 3))).values()
    assert (gate.name, gate.passed) == ("test split", False)
    assert gate.why.startswith("All 3 rows of the test split have the class 'yes'")


def test_rows_without_weight_do_not_count():
    rows = _rows([0, 1], [0, 0], candidate=_scores([0, 1]), constant=_scores([0.5, 0.5]))
    assert _judge(BINARY, rows)["test split"].why.startswith("The test split has no row that counts")


def test_predictions_that_are_no_numbers_get_a_verdict():
    rows = _rows([1.0, 2.0], candidate=[1.0, np.nan], constant=[1.5, 1.5])
    assert "training diverged" in _judge(NUMBER, rows)["test split"].why


@pytest.mark.parametrize("rival", ["linear", "blessed"])
def test_same_predictions_as_a_rival_are_good_enough(rival):
    scores = _scores([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    gate = _judge(BINARY, _rows(LABELS, candidate=scores, constant=HALF, **{rival: scores}))[rival]
    assert (gate.passed, gate.value, gate.limit) == (True, 1.0, 1.0)


def _two_models(number: int, noise: float) -> model_comparison.Rows:
    """A linear model that sees the truth, and a candidate that sees it through noise."""
    random = np.random.default_rng(3)
    truth = random.normal(size=number)
    labels = (truth + random.normal(size=number) > 0).astype(np.int64)
    blurred = truth + noise * random.normal(size=number)
    yes = {name: 1 / (1 + np.exp(-each)) for name, each in (("candidate", blurred), ("linear", truth))}
    return _rows(labels, constant=_scores([0.5] * number), **{name: _scores(each) for name, each in yes.items()})


def test_clearly_worse_than_linear_is_refused_on_many_rows_and_not_on_few():
    many = _judge(BINARY, _two_models(5_000, noise=0.6))["linear"]
    assert not many.passed
    assert "is worse than the linear model's" in many.why
    assert _judge(BINARY, _two_models(60, noise=0.6))["linear"].passed


def test_loss_that_nobody_notices_is_forgiven_however_sure_it_is():
    rows = _two_models(100_000, noise=0.08)
    found = model_comparison.difference("binary", rows, "linear")
    assert found.gain < -1.645 * found.error
    gate = _judge(BINARY, rows)["linear"]
    assert gate.passed
    assert "is not worse than the linear model's" in gate.why


def test_limits_of_the_user():
    rows = _rows(LABELS, candidate=_scores(LABELS), constant=HALF)
    found = _judge(BINARY, rows, {"auc": {"min": 0.7, "max": None}, "brier": {"max": -1}})
    assert list(found) == ["constant", "auc min", "brier max"]
    assert found["auc min"] == Gate("auc min", True, 1.0, 0.7, "auc is 1.000, and at least 0.7 was asked for.")
    assert not found["brier max"].passed


def test_limit_on_a_metric_that_the_rows_do_not_define_fails():
    rows = _rows([2.0, 2.0], candidate=[2.0, 2.0], constant=[1.0, 1.0])
    gate = _judge(NUMBER, rows, {"r2": {"min": 0.5}})["r2 min"]
    assert gate == Gate("r2 min", False, None, 0.5, "r2 is not defined on the rows of the test split.")


def test_limit_for_slices_names_the_worst_of_those_that_are_large_enough():
    slices = (
        model_comparison.Slice("town = Bonn", 500, {"auc": 0.8}),
        model_comparison.Slice("town = Ulm", 100, {"auc": 0.65}),
        model_comparison.Slice("town = Hof", 99, {"auc": 0.2}),
    )
    rows = _rows(LABELS, candidate=_scores(LABELS), constant=HALF)
    gate = _judge(BINARY, rows, {"auc": {"slice_min": 0.7}}, slices)["auc slice_min"]
    assert (gate.passed, gate.value, gate.limit) == (False, 0.65, 0.7)
    assert "in the worst slice, town = Ulm" in gate.why
    assert not _judge(BINARY, rows, {"auc": {"slice_min": 0.1}})["auc slice_min"].passed


def test_multiclass_and_regression_gain_are_the_difference_of_their_metrics():
    labels = np.array([0, 1, 2, 1])
    random = np.random.default_rng(0)
    pair = {name: random.dirichlet([1, 1, 1], 4) for name in ("candidate", "linear")}
    rows = _rows(labels, [1, 2, 1, 1], **pair)
    found = model_comparison.difference("multiclass", rows, "linear")
    assert found.gain == pytest.approx(_by_metrics("multiclass", "log_loss", rows), abs=1e-6)
    rows = _rows([1.0, 2.0, 4.0, 3.0], [1, 2, 1, 1], candidate=[1, 2, 3, 3], linear=[0, 2, 6, 3])
    found = model_comparison.difference("regression", rows, "linear")
    assert found.gain == pytest.approx(_by_metrics("regression", "rmse", rows), abs=1e-6)


def _by_metrics(task: Task, name: str, rows: model_comparison.Rows) -> float:
    ours, theirs = (
        metrics.compute(task, rows.labels, rows.predictions[model], rows.weights)[name]
        for model in ("candidate", "linear")
    )
    return ours - theirs if task == "binary" else theirs - ours


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5), st.floats(0.1, 3)), min_size=4, max_size=40)
)
def test_auc_gain_is_the_difference_of_the_areas_with_ties_and_weights(drawn):
    labels, ours, theirs, weights = (np.array(each, np.float64) for each in zip(*drawn, strict=True))
    hypothesis.assume(0 < labels.sum() < len(labels))
    rows = _rows(labels.astype(np.int64), weights, candidate=_scores(ours / 5), linear=_scores(theirs / 5))
    found = model_comparison.difference("binary", rows, "linear")
    areas = [roc_auc_score(labels, each, sample_weight=weights) for each in (ours, theirs)]
    assert found.gain == pytest.approx(areas[0] - areas[1], abs=1e-9)
    assert found.error >= 0


def test_standard_error_is_that_of_many_samples():
    """DeLong's formula on one sample against the spread of the difference over 300 samples."""
    gains, errors = [], []
    for seed in range(300):
        random = np.random.default_rng(seed)
        truth = random.normal(size=300)
        labels = (truth + random.normal(size=300) > 0).astype(np.int64)
        pair = {name: _scores(1 / (1 + np.exp(-truth - random.normal(size=300)))) for name in ("candidate", "linear")}
        found = model_comparison.difference("binary", _rows(labels, **pair), "linear")
        gains.append(found.gain)
        errors.append(found.error)
    assert float(np.mean(errors)) == pytest.approx(float(np.std(gains)), rel=0.12)


def test_noise_seems_better_than_a_constant_about_once_in_twenty():
    passed = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        labels = random.permutation(np.repeat([0, 1], 50))
        rows = _rows(labels, candidate=_scores(random.uniform(size=100)), constant=_scores([0.5] * 100))
        found = model_comparison.difference("binary", rows, "constant")
        passed += found.gain > 1.645 * found.error
    assert 0.02 < passed / 400 < 0.09


def test_error_of_one_row_is_unknown():
    rows = _rows([1.0], candidate=[1.0], constant=[2.0])
    assert model_comparison.difference("regression", rows, "constant") == model_comparison.Difference(1.0, math.inf)
    assert not _judge(NUMBER, rows)["constant"].passed


def test_three_classes_with_one_absent():
    scores = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1]] * 4)
    flat = np.full((8, 3), 1 / 3)
    gates = _judge(THREE, _rows([0, 1] * 4, candidate=scores, constant=flat, linear=flat))
    assert all(gate.passed for gate in gates.values())

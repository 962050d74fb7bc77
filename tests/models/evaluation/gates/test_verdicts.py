"""The verdicts on rows small enough to judge by hand."""

import dataclasses

import numpy as np
import pytest

from core.config.sections import Evaluate
from core.spec import Label
from models.evaluation import gates, metrics, model_comparison
from models.evaluation.gates import Evaluation, GateResult
from models.evaluation.gates.base import Slice
from models.evaluation.model_comparison import ModelPredictions
from tests.models.evaluation.predicted_rows import rows_of, scores_of, two_models

BINARY = Label("bought", "binary", "text", ("no", "yes"))
THREE = Label("kind", "multiclass", "text", ("a", "b", "c"))
NUMBER = Label("price", "regression", "float")
HALF = scores_of([0.5] * 8)
LABELS = [0, 0, 0, 0, 1, 1, 1, 1]


def _judge(label: Label, rows: ModelPredictions, limits=None, slices=()) -> dict[str, GateResult]:
    measured = {
        name: metrics.compute(label.task, rows.labels, predictions, rows.weights)
        for name, predictions in rows.by_model.items()
        if np.isfinite(predictions).all()
    }
    evaluate = Evaluate.model_validate({"gates": limits or {}})
    return {result.name: result for result in gates.judge(Evaluation(label, rows, measured, slices, evaluate))}


def test_perfect_model_beats_the_constant():
    gate = _judge(BINARY, rows_of(LABELS, candidate=scores_of(LABELS), constant=HALF))["constant"]
    assert gate == GateResult("constant", True, 1.0, 0.5, "auc 1.000 beats the constant's 0.500.")


def test_constant_model_does_not():
    gate = _judge(BINARY, rows_of(LABELS, candidate=HALF, constant=HALF))["constant"]
    assert not gate.passed
    assert gate.why == "auc 0.500 does not beat 0.500, which one constant answer for all rows reaches."


def test_gain_that_chance_explains_is_none():
    weak = scores_of([0.1, 0.6, 0.3, 0.8, 0.2, 0.7, 0.4, 0.9])  # 10 of 16 pairs in order
    gate = _judge(BINARY, rows_of(LABELS, candidate=weak, constant=HALF))["constant"]
    assert (gate.passed, gate.value) == (False, 0.625)
    assert gate.why.startswith("auc 0.625 is no clear gain over the constant's 0.500: on 8 test rows chance explains")


def test_one_row_of_a_class_tells_nothing():
    labels = [0, 0, 0, 1]
    gate = _judge(BINARY, rows_of(labels, candidate=scores_of(labels), constant=scores_of([0.5] * 4)))["constant"]
    assert not gate.passed
    assert gate.why.startswith("The test split has a single row of one class")


def test_single_class_gets_a_verdict():
    (gate,) = _judge(BINARY, rows_of([1, 1, 1], candidate=scores_of([0.5] * 3), constant=scores_of([0.5] * 3))).values()
    assert (gate.name, gate.passed) == ("test split", False)
    assert gate.why.startswith("All 3 rows of the test split have the class 'yes'")


def test_rows_without_weight_do_not_count():
    rows = rows_of([0, 1], [0, 0], candidate=scores_of([0, 1]), constant=scores_of([0.5, 0.5]))
    assert _judge(BINARY, rows)["test split"].why.startswith("The test split has no row that counts")


def test_predictions_that_are_no_numbers_get_a_verdict():
    rows = rows_of([1.0, 2.0], candidate=[1.0, np.nan], constant=[1.5, 1.5])
    assert "training diverged" in _judge(NUMBER, rows)["test split"].why


@pytest.mark.parametrize("rival", ["linear", "champion"])
def test_same_predictions_as_a_rival_are_good_enough(rival):
    scores = scores_of([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    gate = _judge(BINARY, rows_of(LABELS, candidate=scores, constant=HALF, **{rival: scores}))[rival]
    assert (gate.passed, gate.value, gate.limit) == (True, 1.0, 1.0)


def test_clearly_worse_than_linear_is_refused_on_many_rows_and_not_on_few():
    many = _judge(BINARY, two_models(5_000, noise=0.6))["linear"]
    assert not many.passed
    assert many.why == "auc 0.789 is worse by 0.0477 [0.0397, 0.0557] than the linear model's 0.837."
    few = _judge(BINARY, two_models(60, noise=0.6))["linear"]
    assert few.passed
    assert "is not clearly better or worse (" in few.why


def test_clearly_better_is_said_with_its_interval():
    rows = two_models(5_000, noise=0.6)
    swapped = {"candidate": rows.by_model["linear"], "linear": rows.by_model["candidate"]}
    gate = _judge(BINARY, dataclasses.replace(rows, by_model=rows.by_model | swapped))["linear"]
    assert gate.passed
    assert "is better by 0.0477 [0.0397, 0.0557] than the linear model's 0.789" in gate.why


def test_a_small_loss_that_is_sure_is_forgiven_against_the_champion_and_not_against_linear():
    rows = two_models(100_000, noise=0.08)
    assert model_comparison.difference("binary", rows, "linear").is_clear
    gates = _judge(BINARY, dataclasses.replace(rows, by_model={**rows.by_model, "champion": rows.by_model["linear"]}))
    assert not gates["linear"].passed
    assert gates["champion"].passed
    assert "the champion model's 0.834, which is within the tolerance of 0.0025." in gates["champion"].why


def test_limits_of_the_user():
    rows = rows_of(LABELS, candidate=scores_of(LABELS), constant=HALF)
    found = _judge(BINARY, rows, {"auc": {"min": 0.7, "max": None}, "brier": {"max": -1}})
    assert list(found) == ["constant", "auc min", "brier max"]
    assert found["auc min"] == GateResult("auc min", True, 1.0, 0.7, "auc is 1.000, and at least 0.7 was asked for.")
    assert not found["brier max"].passed


def test_limit_on_a_metric_that_the_rows_do_not_define_fails():
    rows = rows_of([2.0, 2.0], candidate=[2.0, 2.0], constant=[1.0, 1.0])
    gate = _judge(NUMBER, rows, {"r2": {"min": 0.5}})["r2 min"]
    assert gate == GateResult("r2 min", False, None, 0.5, "r2 is not defined on the rows of the test split.")


def test_limit_for_slices_names_the_worst_of_those_that_are_large_enough():
    slices = (
        Slice("town = Bonn", 500, {"auc": 0.8}),
        Slice("town = Ulm", 100, {"auc": 0.65}),
        Slice("town = Hof", 99, {"auc": 0.2}),
    )
    rows = rows_of(LABELS, candidate=scores_of(LABELS), constant=HALF)
    gate = _judge(BINARY, rows, {"auc": {"slice_min": 0.7}}, slices)["auc slice_min"]
    assert (gate.passed, gate.value, gate.limit) == (False, 0.65, 0.7)
    assert "in the worst slice, town = Ulm" in gate.why
    assert not _judge(BINARY, rows, {"auc": {"slice_min": 0.1}})["auc slice_min"].passed


def test_three_classes_with_one_absent():
    scores = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1]] * 4)
    flat = np.full((8, 3), 1 / 3)
    gates = _judge(THREE, rows_of([0, 1] * 4, candidate=scores, constant=flat, linear=flat))
    assert all(gate.passed for gate in gates.values())


def test_single_row_is_not_enough():
    rows = rows_of([1.0], candidate=[1.0], constant=[2.0])
    assert not _judge(NUMBER, rows)["constant"].passed


def test_split_without_rows_gets_a_verdict():
    (result,) = gates.judge(Evaluation(BINARY, rows_of([]), {}))
    assert (result.name, result.passed) == ("test split", False)
    assert result.why == "The test split has no rows. Give it a fraction in `split`."

"""Every registered gate keeps the interface, and passes and fails on literal evidence."""

import dataclasses
import json

import numpy as np
import pytest

from core.config.deployment import Serve
from core.config.sections import Evaluate
from core.serving_costs import ServingCosts
from core.spec import Label
from models.evaluation import metrics
from models.evaluation.fairness import Gap, Group
from models.evaluation.gates import GATES, Evaluation, ServedModelCheck, judge
from models.evaluation.model_comparison import ModelPredictions

LABEL = Label("bought", "binary", "text", ("no", "yes"))
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
GOOD, POOR, CONSTANT = LABELS * 0.9, LABELS[::-1] * 0.9, np.full(8, 0.5)


def _evaluation(limit: float = 0.7, **models: np.ndarray) -> Evaluation:
    """Returns an evaluation of models by the scores of the second class, with a limit on the AUC."""
    scores = {name: np.stack([1 - yes, yes], axis=1) for name, yes in {**models, "constant": CONSTANT}.items()}
    measured = {name: metrics.compute("binary", LABELS, values) for name, values in scores.items()}
    evaluate = Evaluate.model_validate({"gates": {"auc": {"min": limit}}})
    return Evaluation(LABEL, ModelPredictions(LABELS, np.ones(8), scores), measured, evaluate=evaluate)


def _grouped(difference: float) -> Evaluation:
    """Returns an evaluation of a good model with a group whose AUC differs from that of the other rows."""
    evaluate = Evaluate.model_validate({"sensitive": [["town"]], "max_gaps": {"auc": 0.1}})
    group = Group("town = Bonn", 100, {"auc": Gap(0.9 - difference, 0.9, 0.05)})
    return dataclasses.replace(_evaluation(candidate=GOOD), groups=[group], evaluate=evaluate)


def _served(difference: float = 0.0, limits: Serve | None = None, **costs: float) -> ServedModelCheck:
    known = {name: 1.0 for name, _ in ServingCosts.texts()}
    limits = limits or Serve(max_p50_ms=5.0)
    return ServedModelCheck(limits, difference, "predict, 7 rows a request", ServingCosts(**{**known, **costs}))


# By gate: evidence on which it passes, and evidence on which it fails.
EVIDENCE = {
    "constant": (_evaluation(candidate=GOOD), _evaluation(candidate=POOR)),
    "linear": (_evaluation(candidate=GOOD, linear=GOOD), _evaluation(candidate=POOR, linear=GOOD)),
    "champion": (_evaluation(candidate=GOOD, champion=POOR), _evaluation(candidate=POOR, champion=GOOD)),
    "metric_limits": (_evaluation(candidate=GOOD), _evaluation(candidate=POOR)),
    "group_gaps": (_grouped(0.14), _grouped(0.16)),
    "parity": (_served(difference=1e-5), _served(difference=1e-3)),
    "budgets": (_served(p50_ms=4.9), _served(p50_ms=5.1)),
}


def test_every_gate_has_evidence():
    assert set(EVIDENCE) == set(GATES)
    assert all(gate.name == name for name, gate in GATES.items())


@pytest.mark.parametrize("name", GATES)
def test_gate_passes_and_fails(name):
    gate = GATES[name]
    for evidence, passes in zip(EVIDENCE[name], (True, False), strict=True):
        assert isinstance(evidence, gate.looks_at)
        results = gate.verdict(evidence)
        assert results
        assert all(result.passed is passes for result in results)
        assert all(result in judge(evidence) for result in results)


@pytest.mark.parametrize("name", GATES)
def test_result_is_a_sentence_with_numbers_that_json_can_hold(name):
    for evidence in EVIDENCE[name]:
        for result in GATES[name].verdict(evidence):
            assert result.why.endswith(".")
            assert len(result.why.split()) > 3
            shown = json.loads(json.dumps(dataclasses.asdict(result), allow_nan=False))
            assert list(shown) == ["name", "passed", "value", "limit", "why"]
            assert shown["value"] == result.value
            assert type(result.passed) is bool


@pytest.mark.parametrize("name", ["linear", "champion"])
def test_gate_of_a_rival_without_one_has_no_result(name):
    assert GATES[name].verdict(_evaluation(candidate=GOOD)) == []


def test_budget_without_a_limit_has_no_result():
    assert GATES["budgets"].verdict(_served(limits=Serve())) == []


def test_each_budget_names_its_figure_its_limit_and_a_remedy():
    limits = Serve(max_p50_ms=5, max_p99_ms=8, max_memory_mb=200, max_size_mb=10, max_load_s=2)
    costs = {"p50_ms": 5.1, "p99_ms": 8.1, "memory_mb": 1200.0, "size_mb": 10.1, "load_s": 2.1}
    results = GATES["budgets"].verdict(_served(limits=limits, **costs))
    assert [(result.name, result.passed) for result in results] == [
        ("p50", False), ("p99", False), ("memory", False), ("size", False), ("load", False),
    ]  # fmt: skip
    assert results[2].why == (
        "The model needs 1,200.00 MB of memory beside TensorFlow, and at most 200 MB were asked for. Raise "
        "serve.max_memory_mb, or change the model: fewer categories make it smaller (`features: {COLUMN: "
        "{vocabulary: N}}`), and so does `model: {family: trees}`."
    )


def test_gates_judge_only_the_evidence_that_they_look_at():
    names = [result.name for result in judge(_evaluation(candidate=GOOD, linear=POOR))]
    assert names == ["constant", "linear", "auc min"]
    assert [result.name for result in judge(_served())] == ["parity", "p50"]

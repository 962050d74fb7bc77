"""The gate of docs/adding/gate.md works as it stands there."""

import pathlib

import numpy as np
import pytest

from core.spec import Label
from models.evaluation import gates, metrics
from models.evaluation.gates import Evaluation
from models.evaluation.model_comparison import ModelPredictions
from tests.conformance.adding import documents

LABELS = np.array([0, 0, 1, 1])


@pytest.fixture(autouse=True)
def gate(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds the document's module and its line of GATES."""
    documents.add("gate.md", gates.GATES, tmp_path, monkeypatch)


def _judge(yes: list[float]) -> dict[str, gates.GateResult]:
    scores = {"candidate": np.stack([1 - np.array(yes), yes], axis=1), "constant": np.full((4, 2), 0.5)}
    measured = {name: metrics.compute("binary", LABELS, given) for name, given in scores.items()}
    label = Label("bought", "binary", "text", ("no", "yes"))
    evaluation = Evaluation(label, ModelPredictions(LABELS, np.ones(4), scores), measured)
    return {result.name: result for result in gates.judge(evaluation)}


def test_new_gate_passes_and_fails():
    assert _judge([0.2, 0.3, 0.7, 0.8])["base rate"].passed
    failed = _judge([0.5, 0.6, 0.8, 0.9])["base rate"]
    assert (failed.passed, failed.value) == (False, pytest.approx(0.2))
    assert failed.why == "The mean score is 0.700, the share of the positive class 0.500, and 0.05 is allowed."


def test_new_gate_stands_beside_the_others():
    assert list(_judge([0.2, 0.3, 0.7, 0.8])) == ["constant", "base rate"]

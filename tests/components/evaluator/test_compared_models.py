"""The challengers beside the other models of an evaluation."""

import json

import numpy as np

from components.evaluator import compared_models
from core.spec import Label
from models.evaluation.gates import Evaluation
from models.evaluation.model_comparison import ModelPredictions

LABEL = Label("bought", "binary", "text", ("no", "yes"))


def test_challengers_are_measured_on_the_same_rows(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "report.json").write_text(json.dumps({"metrics": {}}))
    np.save(tmp_path / "tree" / "predictions.npy", np.array([[0.9, 0.1], [0.2, 0.8]], np.float32))
    candidate = np.array([[0.1, 0.9], [0.2, 0.8]], np.float32)
    rows = ModelPredictions(np.array([0, 1]), np.ones(2), {"candidate": candidate})
    found = compared_models.with_challengers(Evaluation(LABEL, rows, {"candidate": {"auc": 0.0}}), str(tmp_path))
    assert (found.metrics["candidate"]["auc"], found.metrics["tree"]["auc"]) == (0.0, 1.0)
    assert found.test.by_model.keys() == {"candidate", "tree"}


def test_an_evaluation_without_rows_stays_as_it_is(tmp_path):
    empty = Evaluation(LABEL, ModelPredictions(np.zeros(0), np.zeros(0), {}), {})
    assert compared_models.with_challengers(empty, str(tmp_path)).metrics == {}

"""Challengers of every library of the extra beside the taxi model: in one run, one table and one TensorBoard."""

import json
import pathlib
import subprocess
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETWORKS = "tests.e2e.users_networks"
CHALLENGERS = [
    {"name": "forest", "estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": [10, 30]}},
    {"name": "xgboost", "estimator": "xgboost.XGBClassifier", "params": {"enable_categorical": True}},
    {"name": "lightgbm", "estimator": "lightgbm.LGBMClassifier", "params": {"n_estimators": 50, "verbose": -1}},
    {"name": "keras", "estimator": f"{NETWORKS}.keras_classifier", "params": {"epochs": 3}, "data": "array"},
    {
        "name": "torch",
        "estimator": f"{NETWORKS}.torch_classifier",
        "params": {"epochs": 5, "lr": 0.1, "module": {"object": f"{NETWORKS}.torch_network"}},
        "data": "array",
    },
]
NAMES = {one["name"] for one in CHALLENGERS}
OPTIONS = ["model.family=linear", "tune.trials=0", "train.epochs=5", f"challengers={json.dumps(CHALLENGERS)}"]

pytestmark = [pytest.mark.extras, pytest.mark.slow, pytest.mark.timeout(900)]


def run(out, *sets):
    command = [sys.executable, "pipeline/run_local.py", "--out", str(out), "--json"]
    flags = [part for one in (*OPTIONS, *sets) for part in ("--set", one)]
    done = subprocess.run([*command, *flags], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_all_are_in_one_run_and_one_board_and_are_cached(tmp_path):
    for library in ("xgboost", "lightgbm", "scikeras", "skorch", "torch"):
        pytest.importorskip(library, reason=f"{library} is not installed: run `make test-extras`")
    summary = run(tmp_path)
    assert summary["challengers"].keys() == NAMES
    assert summary["challengers"]["forest"]["tried"] == 2
    assert all(summary["baselines"][name]["auc"] > 0.85 for name in NAMES), summary["baselines"]
    folders = [path for path in (tmp_path / "tensorboard").glob("4-test-*/*") if path.name in NAMES]
    assert {path.name for path in folders} == NAMES
    for folder in folders:
        tags = EventAccumulator(str(folder)).Reload().Tags()["tensors"]
        assert {"test/auc", "curves/roc", "curves/precision_recall/pr_curves"} <= set(tags)
    (explanation,) = (tmp_path / "artifacts").glob("Evaluator/evaluation/*/explanation.json")
    slices = json.loads(explanation.read_text())["slices"]
    assert len(slices) > 1
    assert all(part["rivals"].keys() >= NAMES for part in slices if "auc" in part["metrics"])
    again = run(tmp_path, "train.epochs=6")
    states = {stage["name"]: stage["state"] for stage in again["stages"]}
    assert (states["Challengers"], states["Trainer"], states["Evaluator"]) == ("cached", "ran", "ran")
    assert again["challengers"] == summary["challengers"]

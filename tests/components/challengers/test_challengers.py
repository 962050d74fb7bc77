"""Challengers on a tiny table, trained by scikit-learn in processes of their own."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from tfx.types import standard_artifacts

from components.challengers import fitting
from components.challengers.component import Challengers
from core import examples
from models.evaluation import challengers as challengers_format
from tests.components import data_stages, prepared_stages

FOREST = "sklearn.ensemble.RandomForestClassifier"
TREE = "sklearn.tree.DecisionTreeClassifier"
TASK = {"task": "binary", "classes": 2, "numeric": ["hour"], "categorical": {"carrier": 3}}


ROOT = pathlib.Path(__file__).resolve().parents[3]
SECONDS = "8642.5"


class Slow(RandomForestClassifier):
    """A forest that does not end."""

    def fit(self, *_, **__):
        """Waits for ever, for a process that holds its standard error."""
        subprocess.run(["sleep", SECONDS], check=False)


def test_a_list_is_a_grid():
    found = fitting.grid({"depth": [1, 2], "rate": 0.5})
    assert found == [{"depth": 1, "rate": 0.5}, {"depth": 2, "rate": 0.5}]
    assert fitting.grid({}) == [{}]


@pytest.fixture
def rows(tmp_path):
    np.save(tmp_path / "train-numeric.npy", np.array([[1.5], [2.5]], np.float32))
    np.save(tmp_path / "train-categorical.npy", np.array([[0], [2]], np.int32))
    return tmp_path


def test_a_frame_has_names_and_all_categories(rows):
    frame = fitting.inputs(rows, "train", TASK, "frame")
    assert frame["hour"].tolist() == [1.5, 2.5]
    assert frame["carrier"].dtype == pd.CategoricalDtype([0, 1, 2])
    assert frame["carrier"].tolist() == [0, 2]


def test_an_array_has_the_numbers_first(rows):
    assert fitting.inputs(rows, "train", TASK, "array").tolist() == [[1.5, 0], [2.5, 2]]


def test_an_estimator_gets_a_seed_and_objects_by_path():
    model = fitting.make(FOREST, {"max_depth": 2, "criterion": {"object": "string.digits"}})
    assert (model.max_depth, model.random_state, model.criterion) == (2, 0, "0123456789")
    assert fitting.make(FOREST, {"random_state": 7}).random_state == 7


def test_a_class_that_train_does_not_have_gets_0():
    model = RandomForestClassifier(2).fit([[0.0], [1.0]], [0, 2])
    found = fitting.predict(model, np.array([[1.0]]), {"task": "multiclass", "classes": 4})
    assert found.shape == (1, 4)
    assert found[0, 1] == found[0, 3] == 0


def test_predictions_that_are_no_numbers_are_refused():
    model = DummyRegressor(strategy="constant", constant=1e300).fit([[0.0]], [1.0])
    with pytest.raises(ValueError, match="DummyRegressor predicts values that are not finite numbers"):
        fitting.predict(model, np.array([[1.0]]), {"task": "regression"})


def _run(folder: pathlib.Path, *options: dict):
    stages = prepared_stages.prepare(folder)
    (made,), (graph,) = stages.inputs["examples"], stages.inputs["transform_graph"]
    pathlib.Path(made.uri, "Split-test").symlink_to(pathlib.Path(made.uri, "Split-eval"))
    made.split_names = '["train", "eval", "test"]'
    outputs = {"challengers": data_stages.artifact(standard_artifacts.ModelRun, folder / "challengers")}
    (found,) = data_stages.run(
        Challengers,
        {"examples": made, "transform_graph": graph},
        outputs,
        spec=prepared_stages.SPEC.to_json(),
        options=json.dumps(options),
        digests_of_estimators="{}",
    )
    return found, json.loads(found.get_string_custom_property("report"))


@pytest.mark.slow
def test_challengers_are_trained_kept_and_predict_test(tmp_path):
    slow = f"{__name__}.Slow"
    found, report = _run(
        tmp_path,
        {"name": "tree", "estimator": TREE, "params": {"max_depth": [1, 5]}},
        {"name": "svm", "estimator": "sklearn.svm.LinearSVC", "data": "array"},
        {"name": "slow", "estimator": slow, "minutes": 0.1},
    )
    assert report["summary"]["challengers"]["tree"]["parameters"] == {"max_depth": 5}
    assert report["summary"]["challengers"]["tree"]["tried"] == 2
    predictions = challengers_format.predictions(found.uri)
    assert predictions.keys() == {"tree"}
    assert predictions["tree"].shape == (examples.num_rows(f"{tmp_path}/examples/Split-test"), 2)
    files = {path.name.split(".")[0] for path in pathlib.Path(found.uri, "tree").rglob("*") if path.is_file()}
    assert files == {"estimator", "predictions", "report", "events"}
    svm, stopped = report["warnings"]
    assert svm.startswith("Challenger svm could not be trained: TypeError: LinearSVC has no predict_proba.")
    assert stopped == "Challenger slow was stopped after 0.1 minutes. Raise its `minutes`."
    assert SECONDS not in _processes()


def test_a_challenger_ends_with_the_process_that_started_it(tmp_path):
    (tmp_path / "rows").mkdir()
    task = {"task": "regression", "classes": 0, "numeric": ["hour"], "categorical": {}}
    (tmp_path / "rows" / "task.json").write_text(json.dumps(task))
    for split in ("train", "eval", "test"):
        np.save(tmp_path / f"rows/{split}-numeric.npy", np.zeros((4, 1), np.float32))
        np.save(tmp_path / f"rows/{split}-label.npy", np.zeros(4, np.float32))
    options = json.dumps({"estimator": f"{__name__}.Slow", "params": {}, "data": "array"})
    command = [sys.executable, "-m", "components.challengers.fitting", options, str(tmp_path / "rows"), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True) as process:
        for _ in range(600):
            if SECONDS in _processes():
                break
            time.sleep(0.1)
        assert SECONDS in _processes(), "its worker has started"
        process.stdin.close()  # as where the process that started it has ended
        assert process.wait(30) == -signal.SIGKILL
    assert SECONDS not in _processes()


def _processes():
    found = psutil.process_iter(["cmdline"])
    return "\n".join(" ".join(process.info["cmdline"] or []) for process in found)


@pytest.mark.slow
def test_without_challengers_nothing_is_done(tmp_path):
    found, report = _run(tmp_path)
    assert found.get_string_custom_property("finding") == "none configured"
    assert report["summary"] == {}
    assert not list(pathlib.Path(found.uri).iterdir())

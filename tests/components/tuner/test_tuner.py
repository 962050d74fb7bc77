"""Tuner as TFX runs it."""

import json
import pathlib

import pytest
from tfx.types import channel, standard_artifacts

from components.tuner import component as tuner
from models import families


@pytest.mark.slow
def test_writes_the_best_hyperparameters_and_leaves_no_trials(prepared_stages, tmp_path):
    outputs = {
        "best_hyperparameters": prepared_stages.artifact(standard_artifacts.HyperParameters, "best"),
        "tuner_results": prepared_stages.artifact(standard_artifacts.TunerResults, "results"),
    }
    options = {"trials": 2, "epochs": 2, "directory": str(tmp_path)}
    prepared_stages.run(tuner.Executor, outputs, function={"tuner_fn": tuner.TUNER_FN}, **options)
    best = json.loads((pathlib.Path(outputs["best_hyperparameters"].uri) / "best_hyperparameters.txt").read_text())
    assert set(best["values"]) == {"learning_rate", "weight_decay"}
    assert len(json.loads((pathlib.Path(outputs["tuner_results"].uri) / "tuner_results.json").read_text())) == 2
    assert outputs["best_hyperparameters"].get_string_custom_property("finding").startswith("best of 2 trials: auc 0.")
    report = json.loads(outputs["best_hyperparameters"].get_string_custom_property("report"))
    model = report["summary"]["model"]
    assert (model["trials"], len(model["search"]["best_so_far"]), model["search"]["failed"]) == (2, 2, [])
    assert report["metric"] == "auc"
    assert [set(trial["hyperparameters"]) for trial in report["trials"]] == [{"learning_rate", "weight_decay"}] * 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_without_trials_the_defaults_are_written(prepared_stages, tmp_path):
    outputs = {
        "best_hyperparameters": prepared_stages.artifact(standard_artifacts.HyperParameters, "defaults"),
        "tuner_results": prepared_stages.artifact(standard_artifacts.TunerResults, "no_results"),
    }
    options = {"trials": 0, "directory": str(tmp_path)}
    prepared_stages.run(tuner.Executor, outputs, function={"tuner_fn": tuner.TUNER_FN}, **options)
    best = json.loads((pathlib.Path(outputs["best_hyperparameters"].uri) / "best_hyperparameters.txt").read_text())
    assert best["values"] == families.FAMILIES["linear"].defaults()
    report = json.loads(outputs["best_hyperparameters"].get_string_custom_property("report"))
    assert report["summary"]["model"]["trials"] == 0


def test_wiring():
    node = tuner.Tuner(
        examples=channel.Channel(type=standard_artifacts.Examples),
        schema=channel.Channel(type=standard_artifacts.Schema),
        transform_graph=channel.Channel(type=standard_artifacts.TransformGraph),
        spec="{}",
        tune="{}",
        directory="trials",
        logs="",
        fingerprint="abc",
    )
    assert node.id == "Tuner"
    assert json.loads(node.exec_properties["custom_config"])["fingerprint"] == "abc"
    assert set(node.outputs) == {"best_hyperparameters", "tuner_results"}

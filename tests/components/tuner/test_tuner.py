"""Tuner as TFX runs it."""

import dataclasses
import json
import pathlib

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.types import channel, standard_artifacts

from components.trainer import component as trainer
from components.tuner import component as tuner
from core import examples
from models import families
from models.training import portfolio
from tests.components import prepared_stages as prepared


@pytest.mark.slow
def test_writes_the_best_hyperparameters_and_leaves_no_trials(prepared_stages, tmp_path):
    outputs = {
        "best_hyperparameters": prepared_stages.artifact(standard_artifacts.HyperParameters, "best"),
        "tuner_results": prepared_stages.artifact(standard_artifacts.TunerResults, "results"),
        "members": prepared_stages.artifact(standard_artifacts.Model, "no_members"),
    }
    options = {"trials": 2, "epochs": 2, "train": {}, "directory": str(tmp_path)}
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
        "members": prepared_stages.artifact(standard_artifacts.Model, "none"),
    }
    options = {"trials": 0, "train": {}, "directory": str(tmp_path)}
    prepared_stages.run(tuner.Executor, outputs, function={"tuner_fn": tuner.TUNER_FN}, **options)
    best = json.loads((pathlib.Path(outputs["best_hyperparameters"].uri) / "best_hyperparameters.txt").read_text())
    assert best["values"] == families.FAMILIES["linear"].defaults()
    report = json.loads(outputs["best_hyperparameters"].get_string_custom_property("report"))
    assert report["summary"]["model"]["trials"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("max_rows", [256, 200])
def test_the_trainer_serves_the_ensemble_that_auto_selects(prepared_stages, tmp_path, max_rows):
    """Members that were trained on all rows are handed over; those of a sample are trained again."""
    names = {
        "best_hyperparameters": standard_artifacts.HyperParameters,
        "tuner_results": standard_artifacts.TunerResults,
        "members": standard_artifacts.Model,
    }
    outputs = {name: prepared_stages.artifact(kind, f"auto_{max_rows}_{name}") for name, kind in names.items()}
    train = {"epochs": 2}
    tune = {"minutes": 10, "trials": int(max_rows == 256), "max_rows": max_rows}
    options = {"family": "auto", **tune, "train": train, "directory": str(tmp_path)}
    prepared_stages.run(tuner.Executor, outputs, function={"tuner_fn": tuner.TUNER_FN}, **options)
    report = json.loads(outputs["best_hyperparameters"].get_string_custom_property("report"))
    families_tried = [trial["hyperparameters"]["family"] for trial in report["trials"]]
    assert set(families_tried) == set(portfolio.families())
    assert report["summary"]["model"]["trials"] == len(families_tried) == len(portfolio.families()) + tune["trials"]
    folder = pathlib.Path(outputs["members"].uri) / "Format-Serving"
    members = json.loads((folder / "members.json").read_text())["members"]
    saved = list(folder.glob("*/saved_model.pb"))
    assert len(saved) == (len(members) if max_rows == 256 else 0)
    assert list(tmp_path.iterdir()) == []

    made = {
        "model": prepared_stages.artifact(standard_artifacts.Model, f"auto_{max_rows}_model"),
        "model_run": prepared_stages.artifact(standard_artifacts.ModelRun, f"auto_{max_rows}_run"),
    }
    given = {"hyperparameters": [outputs["best_hyperparameters"]], "base_model": [outputs["members"]]}
    stages = dataclasses.replace(prepared_stages, inputs={**prepared_stages.inputs, **given})
    stages.run(trainer.Executor, made, function={"run_fn": trainer.RUN_FN}, family="auto", **train)
    trained = json.loads(made["model"].get_string_custom_property("report"))
    if max_rows == 256:
        assert trained["members"] == [{key: member[key] for key in trained["members"][0]} for member in members]
    assert sum(member["weight"] for member in trained["members"]) == pytest.approx(1)
    expected = pq.read_table(pathlib.Path(made["model_run"].uri) / "expected.parquet")
    (batch,) = expected.combine_chunks().to_batches()
    columns = examples.dense(batch, prepared.SPEC.features)
    served = tf.saved_model.load(str(pathlib.Path(made["model"].uri) / "Format-Serving"))
    answer = served.signatures["predict"](**{name: tf.constant(values) for name, values in columns.items()})
    np.testing.assert_allclose(answer["scores"], expected[examples.PREDICTION].to_pylist(), atol=1e-6)


def test_wiring():
    node = tuner.Tuner(
        examples=channel.Channel(type=standard_artifacts.Examples),
        schema=channel.Channel(type=standard_artifacts.Schema),
        transform_graph=channel.Channel(type=standard_artifacts.TransformGraph),
        spec="{}",
        tune="{}",
        train="{}",
        augmentation_digest="",
        serve="{}",
        directory="trials",
        logs="",
        fingerprint="abc",
    )
    assert node.id == "Tuner"
    assert json.loads(node.exec_properties["custom_config"])["fingerprint"] == "abc"
    assert set(node.outputs) == {"best_hyperparameters", "tuner_results", "members"}

"""The command of a step: local paths, types of inputs, messages, and a run of all steps of a compiled pipeline."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from core.spec import Feature, Label, Spec
from pipeline.deployment import context, shown_artifacts, step
from pipeline.graph import STAGES
from tests.pipeline.deployment.compiled import compile_spec, load, table
from tests.pipeline.deployment.replay import Replay, report


def test_artifacts_are_at_the_paths_of_the_launcher(tmp_path):
    (tmp_path / "minio" / "bucket").mkdir(parents=True)
    root = str(tmp_path)
    assert step.local_path("minio://bucket/runs/1", root) == f"{root}/minio/bucket/runs/1"
    assert step.local_path("s3://bucket/runs/1", root) == "s3://bucket/runs/1"  # nothing is laid there
    assert step.local_path("/a/folder", root) == "/a/folder"


def test_artifacts_of_the_platform_are_kept_from_tfx():
    model = {"artifacts": [{"uri": "/m", "type": {"instanceSchema": "title: tfx.Model"}}]}
    metrics = {"uri": "/x", "type": {"schemaTitle": "system.Metrics"}}
    log = {"uri": "/l", "type": {"schemaTitle": "system.Artifact"}}
    outputs = {"artifacts": {"model": model, "metrics": {"artifacts": [metrics]}, "log": {"artifacts": [log]}}}
    shown = shown_artifacts.take(outputs)
    assert outputs == {"artifacts": {"model": model}}
    summary = {"metrics": {"test": {"auc": 0.75, "log_loss": float("nan")}}, "baselines": {"linear": {"auc": 0.5}}}
    reported = {"uri": "/m", "metadata": {"report": json.dumps({"summary": summary})}}
    executor_output = {"artifacts": {"model": {"artifacts": [reported]}}}
    shown_artifacts.add(executor_output, shown, {})
    (found,) = executor_output["artifacts"]["metrics"]["artifacts"]
    assert found["metadata"] == {"test auc": 0.75, "linear auc": 0.5}
    assert "log" not in executor_output["artifacts"]


SPEC = Spec(Label("tip", "binary", "int", ("0", "1")), (Feature("fare", "numeric", "int"),))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"spec": SPEC.to_json(), "spec__family": "mpl"}, "Did you mean 'mlp'?"),
        ({"push_destination": "s3://models/trips"}, "serving_folder is s3://models/trips"),
    ],
)
def test_a_wrong_parameter_is_one_message(parameters, message):
    executor_input = json.dumps({"inputs": {"parameterValues": parameters}, "outputs": {"outputFile": "/nowhere"}})
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.deployment.step", "--json_serialized_invocation_args", executor_input],
        cwd=context.ROOT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.slow
def test_all_steps_run_and_push_what_was_asked_for_at_the_start(tmp_path):
    """The containers' commands run one after the other with other data, family, trials and folder than compiled."""
    spec = compile_spec(load(table(tmp_path), "tune.trials=1"))
    more = table(tmp_path, rows=900, name="more.csv")
    replay = Replay(
        spec,
        tmp_path / "root",
        data_files=str(more),
        model_family="linear",
        tuning_trials=0,
        training_epochs=3,
        serving_folder=str(tmp_path / "serving"),
    )
    assert replay.run() == 0
    assert sum(report(replay.outputs["ExampleGen"], "examples")["rows"].values()) == 900
    assert replay.outputs.keys() == {stage.name for stage in STAGES}
    trained = report(replay.outputs["Trainer"], "model")
    assert (trained["family"], trained["epochs"] <= 3) == ("linear", True)
    assert report(replay.outputs["Tuner"], "best_hyperparameters")["trials"] == []
    (curve,) = replay.outputs["Evaluator"]["classification_metrics"]["artifacts"]
    assert [drawn["displayName"] for drawn in curve["metadata"]["confusionMatrix"]["annotationSpecs"]] == ["0", "1"]
    assert curve["metadata"]["confidenceMetrics"]
    page = pathlib.Path(replay.outputs["Evaluator"]["report"]["artifacts"][0]["uri"])
    assert "<h2>Gates</h2>" in page.read_text(encoding="utf-8")
    pushed = tmp_path / "serving" / "1"
    assert (pushed / "saved_model.pb").exists()
    metadata = json.loads((pushed / "assets.extra" / "skewless.json").read_text())
    assert json.loads(metadata["spec"])["family"] == "linear"
    # Where the serving folder has a version, the next run is compared with it, and measures drift from its data.
    shutil.rmtree(tmp_path / "root" / "Evaluator")
    assert replay.run("Evaluator") == 0
    assert "champion auc" in replay.outputs["Evaluator"]["metrics"]["artifacts"][0]["metadata"]

"""The command of a step: local paths, types of inputs, messages, and a run of all steps of a compiled pipeline."""

import csv
import dataclasses
import json
import pathlib
import subprocess
import sys

import pytest

from core import storage
from core.spec import Feature, Label, Spec
from pipeline import predict, run_local
from pipeline.deployment import context, shown_artifacts
from pipeline.deployment.laid_artifacts import local_path
from pipeline.graph import STAGES
from tests import object_stores
from tests.pipeline.deployment.compiled import KUBEFLOW, compile_spec, load, table
from tests.pipeline.deployment.replay import Replay, report


def test_artifacts_are_at_the_paths_of_the_launcher(tmp_path):
    (tmp_path / "minio" / "bucket").mkdir(parents=True)
    root = str(tmp_path)
    assert local_path("minio://bucket/runs/1", "/copies", root) == f"{root}/minio/bucket/runs/1"
    assert local_path("s3://bucket/runs/1", "/copies", root) == "/copies/s3/bucket/runs/1"  # nothing is laid there
    assert local_path("/a/folder", "/copies", root) == "/a/folder"


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


def test_a_wrong_parameter_is_one_message():
    ended = run_step(spec=SPEC.to_json(), spec__family="mpl")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert "Did you mean 'mlp'?" in line


def test_a_serving_folder_without_its_bucket_is_one_message():
    with object_stores.store("s3"):
        ended = run_step(push_destination="s3://nothing/serving")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line == ("error: s3://nothing/serving: there is no bucket 'nothing'. Make it, or name another one.")


def run_step(**parameters: str) -> subprocess.CompletedProcess[str]:
    executor_input = json.dumps({"inputs": {"parameterValues": parameters}, "outputs": {"outputFile": "/nowhere"}})
    command = [sys.executable, "-m", "pipeline.deployment.step", "--json_serialized_inputs_spec_args", "{}"]
    return subprocess.run(
        [*command, "--json_serialized_invocation_args", executor_input],
        cwd=context.ROOT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def local_run(tmp_path_factory):
    """A local run of the configuration that the replayed pipeline gets by its parameters, on a table in a bucket."""
    folder = tmp_path_factory.mktemp("local")
    uri = "s3://bucket/trips.csv"
    sets = ["--set=model.family=linear", "--set=tune.trials=0", "--set=train.epochs=3"]
    with object_stores.store("s3"):
        storage.upload(table(folder, rows=900), uri)
        arguments = ["--data", uri, "--label", "tip", "--out", str(folder / "run"), "--quiet", *sets]
        assert run_local.main(arguments) == 0
    return folder


def predictions(model: str, folder: pathlib.Path) -> list[float]:
    """Returns the probabilities of the second class for the rows of the table."""
    to = folder / "predictions.csv"
    assert predict.main(["--model", model, "--data", str(folder / "trips.csv"), "--to", str(to), "--quiet"]) == 0
    with to.open() as file:
        return [float(row["score_1"]) for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "lays"), [("s3", True), ("gs", False)])
def test_all_steps_run_on_a_bucket_and_push_the_model_of_a_local_run(scheme, lays, local_run, tmp_path):
    """The containers' commands run one after the other with other data, family, trials and folder than compiled.

    On S3 the launcher lays the artifacts, on Google Cloud Storage the steps read and write the bucket.
    """
    bucket = f"{scheme}://bucket"
    with object_stores.store(scheme):
        storage.upload(table(tmp_path), f"{bucket}/compiled/1/trips.csv")
        storage.upload(local_run / "trips.csv", f"{bucket}/data/1/trips.csv")
        target = dataclasses.replace(KUBEFLOW, pipeline_root=f"{bucket}/runs")
        replay = Replay(
            compile_spec(load(f"{bucket}/compiled/{{SPAN}}/trips.csv", "tune.trials=1"), target),
            target.pipeline_root,
            tmp_path / "scratch",
            lays,
            data_files=f"{bucket}/data/{{SPAN}}/trips.csv",
            data_spans=2,
            model_family="linear",
            tuning_trials=0,
            training_epochs=3,
            serving_folder=f"{bucket}/serving",
        )
        assert replay.run() == 0
        assert replay.outputs.keys() == {stage.name for stage in STAGES}
        assert sum(report(replay.outputs["ExampleGen"], "examples")["rows"].values()) == 900
        trained = report(replay.outputs["Trainer"], "model")
        assert (trained["family"], trained["epochs"] <= 3) == ("linear", True)
        assert report(replay.outputs["Tuner"], "best_hyperparameters")["trials"] == []
        (curve,) = replay.outputs["Evaluator"]["classification_metrics"]["artifacts"]
        drawn = curve["metadata"]["confusionMatrix"]["annotationSpecs"]
        assert [label["displayName"] for label in drawn] == ["0", "1"]
        assert curve["metadata"]["confidenceMetrics"]
        with storage.open_binary(replay.outputs["Evaluator"]["report"]["artifacts"][0]["uri"]) as page:
            assert b"<h2>Gates</h2>" in page.read()
        assert report(replay.outputs["Pusher"], "pushed_model")["summary"]["serving"]["path"] == f"{bucket}/serving/1"
        local = predictions(str(local_run / "run"), local_run)
        assert predictions(f"{bucket}/serving", local_run) == pytest.approx(local, abs=1e-6)
        # The next run has a new span, and uses what is kept of the other one's statistics. It finds a version in the
        # serving folder, is compared with it, and measures drift from its data.
        storage.upload(table(tmp_path, rows=300), f"{bucket}/data/2/trips.csv")
        assert replay.run("ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "Evaluator") == 0
        assert sum(report(replay.outputs["ExampleGen"], "examples")["rows"].values()) == 1_200
        assert report(replay.outputs["StatisticsGen"], "statistics")["reused_rows"] == 900
        assert "champion auc" in replay.outputs["Evaluator"]["metrics"]["artifacts"][0]["metadata"]

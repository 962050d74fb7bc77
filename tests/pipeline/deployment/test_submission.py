"""Submitting: what is asked for, what would be sent, and platforms that cannot be reached."""

import json
import socket

import pytest

from core.errors import UserError
from pipeline import run_kubeflow
from pipeline.deployment.command import parameter_values
from pipeline.deployment.submission import Submission
from tests.pipeline.deployment.compiled import KUBEFLOW, VERTEX, compile_spec, load, table


def command(to, *arguments, target="kubeflow", root="s3://bucket/runs"):
    place = ["--target", target, "--image", "registry/skewless:1", "--pipeline-root", root, "--to", str(to)]
    return run_kubeflow.main([*place, *arguments])


@pytest.fixture
def config(tmp_path):
    csv = table(tmp_path)
    path = tmp_path / "trips.yaml"
    path.write_text(f"data: {{files: {csv.name}}}\nlabel: tip\n")
    return path


@pytest.fixture
def file(tmp_path):
    from pipeline.deployment.command import to_yaml

    path = tmp_path / "trips-pipeline.yaml"
    path.write_text(to_yaml([compile_spec(load(table(tmp_path)))]))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"root": "bucket/runs"}, "--pipeline-root bucket/runs is not a folder in a bucket"),
        ({"root": "s3://bucket", "target": "vertex"}, "Write it like gs://BUCKET/FOLDER"),
        ({"to": "pipeline.txt"}, "a file named .yaml or .yml was expected"),
    ],
)
def test_wrong_arguments_are_one_message(capsys, changes, message):
    assert command(changes.pop("to", "pipeline.yaml"), **changes) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--schedule", "0 6 * * *"], "Add --submit"),
        (["--submit", "--host", "http://kubeflow", "--schedule", "0 6 * * *", "--wait"], "Leave one of them out"),
    ],
)
def test_flags_that_do_not_fit_together_are_refused(capsys, flags, message):
    assert command("pipeline.yaml", *flags) == 2
    assert message in capsys.readouterr().err


def test_a_dry_run_prints_what_would_be_sent(config, tmp_path, capsys):
    to = tmp_path / "pipeline.yaml"
    sent = ["--host", "http://kubeflow:8888", "--schedule", "0 6 * * *", "--parameter", "training_epochs=5"]
    assert command(to, str(config), "--submit", "--dry-run", *sent) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {
        "host": "http://kubeflow:8888",
        "pipeline": str(to),
        "experiment": "trips",
        "pipeline_root": "s3://bucket/runs",
        "parameters": {"training_epochs": 5},
        "schedule": "0 6 * * *",
    }
    assert to.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training_epoch=5", "Did you mean 'training_epochs'?"),
        ("training_epochs=five", "a whole number was expected"),
        ("training_epochs", "is not of the form NAME=VALUE"),
    ],
)
def test_wrong_parameters_are_refused(text, message):
    with pytest.raises(UserError) as caught:
        parameter_values([text])
    assert message in str(caught.value)


def test_the_place_has_to_be_given(file):
    with pytest.raises(UserError, match="Give it like --host"):
        Submission(KUBEFLOW, file, "trips", {})
    with pytest.raises(UserError, match="--schedule '0 6' has 2 fields"):
        Submission(VERTEX, file, "trips", {}, schedule="0 6")


def test_an_unreachable_host_is_one_message(file):
    with socket.socket() as taken:  # bound and not listening: every connection is refused
        taken.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UserError, match=f"Kubeflow Pipelines cannot be reached at {host}"):
            Submission(KUBEFLOW, file, "trips", {}, host=host).send()


def test_missing_credentials_are_one_message(file, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(UserError, match="There are no credentials for Google Cloud"):
        Submission(VERTEX, file, "trips", {}).send()

"""Runs that are logged to a real tracking server of MLflow on this machine."""

import importlib.util
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

from core.config.review import Track
from core.errors import UserError
from pipeline.config import settings
from pipeline.tracking import mlflow_run
from tests.pipeline.reporting import records

ROOT = pathlib.Path(__file__).resolve().parents[3]
SMALL = ["--set", "model.family=linear", "--set", "tune.trials=0", "--set", "train.epochs=3"]
extras = [pytest.mark.extras, pytest.mark.slow, pytest.mark.timeout(900)]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yields the address of a tracking server."""
    pytest.importorskip("mlflow", reason="mlflow is not installed: run `make test-extras`")
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    stores = ["--backend-store-uri", f"sqlite:///{folder}/runs.sqlite", "--artifacts-destination", str(folder / "kept")]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    options = {"stderr": subprocess.STDOUT, "env": environment, "start_new_session": True}
    with (folder / "log").open("wb") as log, subprocess.Popen([*command, *stores], stdout=log, **options) as process:
        address = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield address
        os.killpg(process.pid, signal.SIGTERM)


def run(folder, *flags):
    rows = [f"{age},{'yes' if age > 40 else 'no'},{age % 3}" for age in range(18, 80) for _ in range(20)]
    (folder / "shop.csv").write_text("\n".join(["age,bought,class", *rows]) + "\n")
    command = [sys.executable, "pipeline/run_local.py", "--data", str(folder / "shop.csv"), "--label", "bought"]
    command += ["--out", str(folder / "run"), "--json", *SMALL, *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


class TestServer:
    pytestmark = extras

    def test_a_run_is_logged_with_its_model(self, server, tmp_path):
        import mlflow
        import pandas as pd

        done = run(tmp_path, "--set", f"track.mlflow={server}")
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        client = mlflow.MlflowClient(server)
        experiment = client.get_experiment_by_name("shop").experiment_id
        (found,) = client.search_runs([experiment])
        assert found.info.status == "FINISHED"
        assert found.data.params["model.family"] == "linear"
        assert found.data.metrics["test.auc"] == pytest.approx(summary["metrics"]["test"]["auc"])
        assert found.data.metrics["test_of.constant.auc"] == 0.5
        assert len(client.get_metric_history(found.info.run_id, "training.loss")) >= 1
        assert {file.path for file in client.list_artifacts(found.info.run_id)} >= {"report.html", "model_card.md"}
        mlflow.set_tracking_uri(server)
        (logged,) = mlflow.search_logged_models([experiment], output_format="list")
        model = mlflow.pyfunc.load_model(logged.model_uri)
        assert set(model.metadata.get_input_schema().input_names()) == {"age", "class"}
        assert model.input_example["class"].dtype == np.float64
        served = model.predict(pd.DataFrame({"age": [20.0, 70.0, None], "class": [2.0, 1.0, 0.0]}))
        assert served["prediction"].tolist()[:2] == ["no", "yes"]
        assert np.allclose(served["score_no"] + served["score_yes"], 1)

    def test_a_server_that_is_lost_is_a_warning_that_names_it(self, tmp_path):
        pytest.importorskip("mlflow", reason="mlflow is not installed: run `make test-extras`")
        record, address = records.evaluated(tmp_path), f"http://127.0.0.1:{free_port()}"
        with pytest.raises(UserError, match=f"The run was not logged to MLflow at {address}: .* is not affected"):
            mlflow_run.after_run(record.folder, record.summary, Track(mlflow=address))

    def test_a_server_that_does_not_answer_stops_the_run(self, tmp_path):
        pytest.importorskip("mlflow", reason="mlflow is not installed: run `make test-extras`")
        done = run(tmp_path, "--set", f"track.mlflow=http://127.0.0.1:{free_port()}")
        assert done.returncode == 2
        assert "does not answer as one of MLflow" in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "run" / "artifacts").exists()


def test_without_a_server_nothing_is_done(tmp_path):
    mlflow_run.check(Track())
    assert mlflow_run.after_run(records.evaluated(tmp_path).folder, records.SUMMARY, Track()) is None


def test_without_mlflow_a_run_does_not_start(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"mlflow is not installed. Run `make extras EXTRAS=mlflow`"):
        mlflow_run.check(Track(mlflow="http://localhost:5000"))


@pytest.mark.parametrize(
    ("address", "message"),
    [("localhost:5000", "Write it like http://localhost:5000"), ("http://ann:secret@host", "Leave it out, and set")],
)
def test_a_wrong_address_is_named(address, message):
    with pytest.raises(UserError, match=message) as caught:
        settings.load(files="a.csv", label="late", sets=[f"track.mlflow={address}"])
    assert "track.mlflow" in str(caught.value)

"""Whole runs, as a user starts them: what runs, what is cached, what is pushed, and what is untouched by a failure."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from pipeline.reporting.run_record import RunRecord
from pipeline.run.history import COMPLETE, History
from pipeline.scoring import scorecard

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMALL = ["--set", "model.family=mlp", "--set", "tune.trials=2", "--set", "tune.epochs=1", "--set", "train.epochs=6"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*arguments, out, expect=0):
    """Runs the pipeline on the taxi sample; returns its summary."""
    command = [sys.executable, "pipeline/run_local.py", *SMALL, "--out", str(out), "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def states(summary):
    """Returns what happened to each stage."""
    return {stage["name"]: stage["state"] for stage in summary["stages"]}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "taxi"


@pytest.fixture(scope="module")
def first(out):
    return run(out=out)


def test_a_first_run_pushes_a_model(first, out):
    assert first["status"] == "pushed"
    assert set(states(first).values()) == {"ran"}
    assert sum(first["data"]["rows"].values()) == 15_002
    assert first["model"]["family"] == "mlp"
    assert first["model"]["trials"] == 2
    assert first["metrics"]["test"]["auc"] > first["baselines"]["constant"]["auc"] == 0.5
    assert all(gate["passed"] for gate in first["gates"])
    assert first["serving"]["version"] == 1
    assert first["serving"]["max_abs_difference"] < 1e-4
    assert (out / "serving/1/saved_model.pb").exists()
    assert json.loads((out / "summary.json").read_text()) == first
    assert list((out / "tensorboard").rglob("events.out.tfevents.*"))
    report = (out / "report.html").read_text()
    assert "<h1>Pushed: taxi version 1 is served now; its auc on test is 0.9" in report
    assert "could not" not in report
    assert len(report) < 5_000_000


def test_its_ml_test_score_has_five_points_in_each_section(first, out):
    points = scorecard.totals(scorecard.score(RunRecord.load(out)))
    assert min(points.values()) >= 5, points


def test_a_second_run_has_nothing_to_do(first, out):
    second = run(out=out)
    assert second["status"] == "up_to_date"
    assert set(states(second).values()) == {"cached"}
    assert second["metrics"] == first["metrics"]
    assert [path.name for path in (out / "serving").iterdir() if path.is_dir()] == ["1"]


def test_a_model_that_is_not_stale_is_not_trained_again(first, out):
    assert run("--if-stale", "--set", "train.epochs=9", out=out) == {
        "name": "taxi",
        "status": "up_to_date",
        "version": 1,
    }


def test_a_changed_hyperparameter_trains_again_and_nothing_before(first, out):
    plan = run("--set", "train.epochs=7", "--dry-run", out=out)
    changed = run("--set", "train.epochs=7", out=out)
    ran = {name for name, state in states(changed).items() if state == "ran"}
    assert ran == {"Trainer", "Evaluator", "ServingValidator", "Pusher"}
    assert {step["stage"] for step in plan if step["state"] == "run"} == ran
    assert "train.epochs: 6 → 7" in next(step["why"] for step in plan if step["stage"] == "Trainer")
    report = (out / "report.html").read_text()
    assert re.search(r"than version 1, which was served before, and better by [^<]* than a linear model\.</h1>", report)
    assert re.search(r"train\.epochs</th><td>6 → 7</td>", report)
    assert changed["baselines"]["champion"] == pytest.approx(first["metrics"]["test"], abs=1e-6)


def test_a_gate_that_is_not_passed_leaves_what_is_served(first, out):
    before = sorted(path.name for path in (out / "serving").iterdir())
    summary = run("--set", "evaluate.gates.auc.min=0.999", out=out, expect=3)
    assert summary["status"] == "not_blessed"
    assert "<h1>Not pushed: the model of taxi did not pass its gates" in (out / "report.html").read_text()
    (failed,) = [gate for gate in summary["gates"] if gate["name"] == "auc min"]
    assert (failed["passed"], failed["limit"]) == (False, 0.999)
    assert sorted(path.name for path in (out / "serving").iterdir()) == before


def test_an_end_is_an_end(first, out):
    summary = run("--to", "schemagen", out=out)
    assert summary["status"] == "partial"
    assert states(summary)["SchemaGen"] == "cached"
    assert states(summary)["Transform"] == "skipped"


def test_data_that_break_the_schema_stop_the_run(first, out, tmp_path):
    (tmp_path / "taxi.schema.pbtxt").write_text(
        (next(out.glob("artifacts/SchemaGen/schema/*")) / "schema.pbtxt")
        .read_text()
        .replace('value: "Cash"', 'value: "Coins"')
    )
    served = sorted(path.name for path in (out / "serving").iterdir())
    summary = run("--set", f"schema_file={tmp_path / 'taxi.schema.pbtxt'}", out=out, expect=3)
    assert summary["status"] == "invalid_data"
    assert "Coins" in summary["error"] or "Cash" in summary["error"]
    assert "<h1>Stopped: the data of taxi did not pass validation" in (out / "report.html").read_text()
    assert states(summary)["ExampleValidator"] == "failed"
    assert states(summary)["Transform"] == "skipped"
    assert sorted(path.name for path in (out / "serving").iterdir()) == served


def test_a_killed_run_goes_on_from_the_last_finished_stage(tmp_path):
    command = [sys.executable, "pipeline/run_local.py", *SMALL, "--out", str(tmp_path)]
    history = History(tmp_path / "metadata.sqlite", "taxi")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not any(
            execution.state == COMPLETE for execution in history.executions("StatisticsGen")
        ):
            time.sleep(0.1)
        process.kill()
    summary = run("--to", "SchemaGen", out=tmp_path)
    assert states(summary)["ExampleGen"] == states(summary)["StatisticsGen"] == "cached"
    assert summary["status"] == "partial"


def test_a_result_that_was_cut_is_made_again(tmp_path):
    rows = run("--to", "StatisticsGen", out=tmp_path)["data"]["rows"]
    (file,) = tmp_path.glob("artifacts/ExampleGen/examples/*/Split-test/*.parquet")
    os.truncate(file, 1_000)
    command = [sys.executable, "pipeline/run_local.py", *SMALL, "--out", str(tmp_path)]
    refused = subprocess.run([*command, "--from", "StatisticsGen"], cwd=ROOT, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"the result of ExampleGen, which is damaged: {file} has 1,000 bytes in place of " in refused.stderr
    done = subprocess.run([*command, "--to", "StatisticsGen"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "! The earlier result of ExampleGen is damaged and not used:" in done.stdout
    assert json.loads((tmp_path / "summary.json").read_text())["data"]["rows"] == rows


def test_ctrl_c_leaves_no_half_artifact(tmp_path):
    rows = "".join(f"{number},{number % 7},town {number % 1_000},{number % 2}\n" for number in range(1_500_000))
    (tmp_path / "data.csv").write_text(f"a,b,c,y\n{rows}")
    out = tmp_path / "out"
    command = [sys.executable, "pipeline/run_local.py", "--data", str(tmp_path / "data.csv"), "--label", "y"]
    with subprocess.Popen(
        [*command, "--out", str(out), "--to", "StatisticsGen"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    ) as process:
        while process.poll() is None and not list(out.glob("artifacts/ExampleGen/examples/*")):
            time.sleep(0.05)
        # Python drops an interrupt that comes while it calls back from C, so a person would press Ctrl-C again.
        for _ in range(6):
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
                break
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (
        errors.strip()
        == "error: Stopped. The results of the finished stages are kept: the same command continues from there."
    )
    assert not list(out.rglob("*.parquet*"))

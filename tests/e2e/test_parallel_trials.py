"""A run whose trials are trained by two other processes, all of them started by the same command."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def start(name, port, table, out):
    command = [sys.executable, "pipeline/run_local.py", "--data", str(table), "--label", "y", "--out", str(out)]
    settings = ["model.family=linear", "tune.trials=4", "tune.epochs=1"]
    chief = {
        "KERASTUNER_ORACLE_IP": "localhost",
        "KERASTUNER_ORACLE_PORT": str(port),
        "KERASTUNER_TUNER_ID": name,
    }
    return subprocess.Popen(
        [*command, *(part for setting in settings for part in ("--set", setting)), "--to", "Tuner"],
        cwd=ROOT,
        env={**os.environ, **chief},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_chief_runs_the_pipeline_and_two_workers_train_its_trials(tmp_path):
    table, out, elsewhere = tmp_path / "table.csv", tmp_path / "run", tmp_path / "other"
    rows = [(row % 97, row % 89) for row in range(400)]
    table.write_text("x,y\n" + "".join(f"{x / 10},{'yes' if x + other > 93 else 'no'}\n" for x, other in rows))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    names = {"chief": out, "worker0": out, "worker1": out, "worker2": elsewhere}
    started = {name: start(name, port, table, folder) for name, folder in names.items()}
    try:
        ended = {name: process.communicate(timeout=300) for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
    assert [process.returncode for process in started.values()] == [0, 0, 0, 2], ended
    trained = [re.findall(r"This process has trained (\d)\.", ended[name][0]) for name in ("worker0", "worker1")]
    assert sum(int(number) for (number,) in trained) == 4
    summary = json.loads((out / "summary.json").read_text())
    assert {stage["name"]: stage["state"] for stage in summary["stages"]}["Tuner"] == "ran"
    assert summary["model"]["trials"] == 4
    assert not list((out / "artifacts/Tuner/search").iterdir())
    (error,) = ended["worker2"][1].splitlines()
    assert error.startswith(
        f"error: The chief at localhost:{port} does not search in {elsewhere}/artifacts/Tuner/search: "
    )
    assert error.endswith("Give all processes the same --out, in a folder that all of them share.")

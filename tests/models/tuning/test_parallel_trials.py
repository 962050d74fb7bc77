"""Trials in several processes: KerasTuner's chief and workers."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from core.errors import UserError
from models.tuning import parallel_trials
from tests.models.tuning import test_search

ROOT = pathlib.Path(__file__).resolve().parents[3]
# One process of a search of so many trials. With a fourth argument each trial fails with it.
PROCESS = """
import json, sys
from core.errors import UserError
from tests.models.tuning import test_search

tuner = test_search.search(sys.argv[1], trials=int(sys.argv[2]))
if sys.argv[3:]:
    def fit(**_):
        raise UserError(sys.argv[3])
    tuner._fit = fit
tuner.search(verbose=0)
print(json.dumps({"trained": tuner.trained, "trials": tuner.trials() if tuner.tuner_id == "chief" else None}))
"""


def start(directory, port, name, *arguments):
    environment = {
        "KERASTUNER_ORACLE_IP": "localhost",
        "KERASTUNER_ORACLE_PORT": str(port),
        "KERASTUNER_TUNER_ID": name,
    }
    command = [sys.executable, "-c", PROCESS, str(directory), *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def results(*processes):
    """Returns what each process has printed, and the last line of its errors."""
    found = []
    for process in processes:
        output, errors = process.communicate(timeout=300)
        found.append((output.splitlines()[-1:], errors.splitlines()[-1:]))
    return found


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_chief_and_two_workers_train_the_trials_of_one_search(tmp_path, port):
    chief, *workers = [start(tmp_path / "several", port, name, "6") for name in ("chief", "worker0", "worker1")]
    (found, *trained), _ = zip(*results(chief, *workers), strict=True)
    trained = [json.loads(line)["trained"] for (line,) in trained]
    assert sum(trained) == 6
    assert min(trained) >= 1
    found = json.loads(found[0])
    assert found["trained"] == 0
    trials = found["trials"]
    assert len({json.dumps(trial["hyperparameters"]) for trial in trials}) == 6
    assert sorted(trial["status"] for trial in trials) == ["chosen", *["completed"] * 5]
    alone = test_search.search(tmp_path / "alone", trials=1)
    alone.search(verbose=0)
    (defaults,) = alone.trials()
    assert trials[0]["hyperparameters"] == defaults["hyperparameters"]
    assert trials[0]["score"] == pytest.approx(defaults["score"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_chief_says_why_the_trials_of_its_workers_failed(tmp_path, port):
    chief, worker = start(tmp_path, port, "chief", "9"), start(tmp_path, port, "worker0", "9", "the disk is full")
    (_, errors), (printed, _) = results(chief, worker)
    assert errors == ["RuntimeError: Every trial failed. The first one: core.errors.UserError: the disk is full"]
    assert json.loads(printed[0])["trained"] == 4, "more of them would fail too"


@pytest.mark.parametrize(("name", "role"), [("chief", "chief"), ("my-chief-0", "chief"), ("worker0", "worker")])
def test_the_name_says_what_a_process_is(monkeypatch, name, role):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "localhost")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "9000")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", name)
    parallel_trials.check("mlp")
    assert parallel_trials.role() == role


def test_without_a_chief_one_process_trains_all_trials(monkeypatch):
    monkeypatch.delenv("KERASTUNER_ORACLE_IP", raising=False)
    parallel_trials.check("auto")
    assert parallel_trials.role() is None


def test_missing_variables_and_searches_of_several_families_are_refused(monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "localhost")
    monkeypatch.delenv("KERASTUNER_ORACLE_PORT", raising=False)
    monkeypatch.delenv("KERASTUNER_TUNER_ID", raising=False)
    with pytest.raises(UserError, match=r"processes, without KERASTUNER_ORACLE_PORT and KERASTUNER_TUNER_ID\."):
        parallel_trials.check("mlp")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "9000")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    with pytest.raises(UserError, match=r"model.family auto has one for each family.* --set model.family=mlp"):
        parallel_trials.check("auto")

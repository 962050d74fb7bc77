"""A whole run in a folder whose name means something to a library: pushed, found again, and used for predictions."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMALL = ["--set", "model.family=linear", "--set", "tune.trials=1", "--set", "tune.epochs=1", "--set", "train.epochs=8"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def command(script, *arguments):
    """Runs a command of the pipeline and returns its standard output."""
    done = subprocess.run([sys.executable, script, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_in_a_folder_with_special_characters(tmp_path):
    folder = tmp_path / "f=3 #1 100%25 a?b*c {x}" / 'it\'s "ü"'
    for year in (2023, 2024):
        (folder / f"t/year={year}").mkdir(parents=True)
        rows = [f"{age}, {'yes' if age > 40 else 'no'}" for age in range(18, 80) for _ in range(10)]
        (folder / f"t/year={year}/part.csv").write_text("\n".join(["age, bought", *rows]) + "\n")
    train = ["--data", folder / "t/*/*.csv", "--label", "bought", "--out", folder / "run", "--json", *SMALL]
    assert json.loads(command("pipeline/run_local.py", *train))["status"] == "pushed"
    assert json.loads(command("pipeline/run_local.py", *train))["status"] == "up_to_date"
    plan = json.loads(command("pipeline/run_local.py", *train, "--set", "train.epochs=9", "--dry-run"))
    assert {step["state"] for step in plan if step["stage"] in ("ExampleGen", "Transform")} == {"cached"}
    (folder / "t/year=2023").rename(folder / "t/year=2022")
    plan = json.loads(command("pipeline/run_local.py", *train, "--dry-run"))
    assert {step["stage"]: step["state"] for step in plan}["ExampleGen"] == "run"
    new = folder / "t/year=2024/part.csv"
    to = folder / "out=1.csv"
    command("pipeline/predict.py", "--model", folder / "run/serving", "--data", new, "--to", to, "--keep", "year")
    assert len(to.read_text().splitlines()) == 621
    assert {path.name for path in tmp_path.iterdir()} == {folder.parent.name}, "no stray file"

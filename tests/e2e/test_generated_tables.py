"""Some of the generated tables of `benchmarks/fuzz/predict_tables.py`, from the profile to predictions."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_generated_tables_are_predicted_or_refused() -> None:
    command = [sys.executable, "benchmarks/fuzz/predict_tables.py", "--cases", "12", "--first", "1017"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "12 cases, 0 wrong" in done.stderr
    assert int(done.stdout.rpartition(" predicted")[0].rpartition(" ")[2]) >= 5, done.stdout

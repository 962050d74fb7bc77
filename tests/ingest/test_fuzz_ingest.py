"""Some of the made files of `benchmarks/fuzz/ingest_files.py`: right rows, rejects that add up, or a clean error."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_made_files_are_read_or_refused() -> None:
    command = [sys.executable, "benchmarks/fuzz/ingest_files.py", "--cases", "60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("60 cases as they should be, 0 wrong: []\n")

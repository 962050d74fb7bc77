"""Runs `models.serving.parity_check` in a fresh process."""

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from core.text import last_lines
from models.evaluation.gates import GateResult
from models.serving import costs

_started: list[subprocess.Popen[str]] = []


@contextlib.contextmanager
def started() -> Iterator[None]:
    """Starts the process of the next check: it imports TensorFlow while the caller does something else."""
    process = _start()
    _started.append(process)
    try:
        yield
    finally:
        if process in _started:
            _started.remove(process)
            process.kill()
            process.communicate()


def check(path: str, expected: str, spec: str, serve: str, timeout_s: float = 300.0) -> dict[str, Any]:
    """Returns the answer of the check as JSON values; one with a failed result where the model does not answer in time.

    Args:
        path: the folder of the SavedModel.
        expected: the Parquet file of rows and the trainer's predictions.
        spec: `Spec.to_json()`.
        serve: the section `Serve` as JSON.
        timeout_s: the time limit of the process in seconds.

    Raises:
        RuntimeError: the process failed; the message ends with the last lines of its standard error.
    """
    with tempfile.TemporaryDirectory() as folder, _started.pop() if _started else _start() as process:
        answer = pathlib.Path(folder, "answer.json")
        request = {"path": path, "expected": expected, "spec": spec, "serve": serve, "answer": str(answer)}
        try:
            _, errors = process.communicate(json.dumps(request), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            why = f"The model gave no answer within {timeout_s:g} seconds."
            refused = dataclasses.asdict(GateResult("answers", False, None, timeout_s, why))
            return {"gates": [refused], "max_abs_difference": None, "costs": None}
        if process.returncode != 0 or not answer.exists():
            reason = f"The check of the served model failed (exit code {process.returncode})"
            raise RuntimeError(f"{reason}:\n{last_lines(errors)}")
        return dict(json.loads(answer.read_text()))


def _start() -> subprocess.Popen[str]:
    """Returns a process that waits for a request; without one it ends when this process does."""
    return subprocess.Popen(
        # -P: no module of the current folder is imported in place of one of the libraries.
        [sys.executable, "-P", "-m", "models.serving.parity_check"],
        env=costs.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

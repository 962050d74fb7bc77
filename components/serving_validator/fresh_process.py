"""Runs `models.serving.parity_check` in a fresh process."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from models.evaluation.gates import GateResult

_ROOT = pathlib.Path(__file__).resolve().parents[2]


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
    with tempfile.TemporaryDirectory() as folder:
        request, answer = (pathlib.Path(folder) / name for name in ("request.json", "answer.json"))
        request.write_text(json.dumps({"path": path, "expected": expected, "spec": spec, "serve": serve}))
        command = [sys.executable, "-m", "models.serving.parity_check", str(request), str(answer)]
        try:
            done = subprocess.run(
                command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            why = f"The model gave no answer within {timeout_s:g} seconds."
            refused = dataclasses.asdict(GateResult("answers", False, None, timeout_s, why))
            return {"gates": [refused], "max_abs_difference": None, "costs": None}
        if done.returncode != 0 or not answer.exists():
            last = "\n".join(done.stderr.splitlines()[-20:])
            raise RuntimeError(f"The check of the served model failed (exit code {done.returncode}):\n{last}")
        return dict(json.loads(answer.read_text()))


def _environment() -> dict[str, str]:
    """Returns the environment of the check: on the CPU, where it starts at once and no trainer holds the memory."""
    return {
        **os.environ,
        "PYTHONPATH": str(_ROOT),
        "TF_USE_LEGACY_KERAS": "0",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "1",
    }

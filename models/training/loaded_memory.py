"""Measures the memory that a SavedModel needs, in a process of its own that has loaded nothing else.

    python -m models.training.loaded_memory FOLDER [ROWS]

FOLDER is that of the SavedModel, and ROWS a file of NumPy with a request to its function `serve`. It prints MB.
"""

import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from core.text import last_lines
from models.serving import costs


def measure(folder: str, rows: Mapping[str, np.ndarray] | None = None) -> float:
    """Returns the MB that the model needs when it is loaded and has answered a request, in a fresh process.

    Args:
        folder: that of the SavedModel.
        rows: the request; None for none.

    Raises:
        RuntimeError: the process failed; the message ends with the last lines of its standard error.
    """
    with tempfile.TemporaryDirectory() as temporary:
        file = pathlib.Path(temporary, "rows.npz")
        if rows is not None:
            arrays: dict[str, Any] = dict(rows)
            np.savez(file, **arrays)
        command = [sys.executable, "-m", "models.training.loaded_memory", folder, *[str(file)] * (rows is not None)]
        done = subprocess.run(command, env=costs.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"The memory of a model could not be measured (exit code {done.returncode})"
        raise RuntimeError(f"{reason}:\n{last_lines(done.stderr)}")
    return float(done.stdout)


def main(folder: str, rows: str | None = None) -> None:
    """Prints the MB that the model needs beside TensorFlow, at its peak."""
    tf.constant(0.0)  # starts TensorFlow's runtime
    before = costs.peak_memory_mb()
    model = tf.saved_model.load(folder)
    if rows is not None:
        with np.load(rows) as request:
            model.serve({name: tf.constant(request[name]) for name in request.files})
    print(costs.peak_memory_mb() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])

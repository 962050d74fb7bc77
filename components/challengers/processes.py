"""Starts the process that trains a challenger: it can be stopped, and a crash of its library ends nothing else."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from core.config.review import Challenger
from models.evaluation.challengers import REPORT_FILE

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_MODULE = "components.challengers.fitting"
# A script's own folder comes first on its path; the current folder, where the user's modules are, comes after ours.
_STARTER = f"import runpy, sys; sys.path.insert(0, {str(_ROOT)!r}); runpy.run_module({_MODULE!r}, run_name='__main__')"


def train(challenger: Challenger, rows: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """Trains a challenger, and returns warnings.

    Args:
        challenger: the section.
        rows: the folder of the rows.
        folder: gets the files of the challenger; it is removed where the training fails.
    """
    folder.mkdir(parents=True)
    options = json.dumps(challenger.model_dump(mode="json"))
    command = [sys.executable, "-c", _STARTER, options, str(rows), str(folder)]
    try:
        code, lines = _run(command, challenger.minutes * 60)
    except subprocess.TimeoutExpired:
        shutil.rmtree(folder)
        return [f"Challenger {challenger.name} was stopped after {challenger.minutes:g} minutes. Raise its `minutes`."]
    if code or not (folder / REPORT_FILE).exists():
        shutil.rmtree(folder)
        reason = (lines or [f"its process ended with {code}"])[-1]
        return [f"Challenger {challenger.name} could not be trained: {reason}"]
    notes = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))["warnings"]
    return [f"Challenger {challenger.name}: {note}" for note in notes]


def _run(command: list[str], seconds: float) -> tuple[int, list[str]]:
    """Returns the exit code of a command and the lines of its errors; the processes that it started end with it.

    Raises:
        TimeoutExpired: it did not end in time, and was stopped.
    """
    # Workers that it starts would keep a pipe of errors open. Standard input is closed when this process ends.
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
        )
        try:
            code = process.wait(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        errors.seek(0)
        return code, errors.read().strip().splitlines()

"""Defines the files of the challengers of a run: a folder each, with the estimator, its report and its predictions."""

import pathlib
from typing import Any

import numpy as np

from core import storage

ESTIMATOR_FILE = "estimator.pkl"
PREDICTIONS_FILE = "predictions.npy"
REPORT_FILE = "report.json"


def reports(folder: str | pathlib.Path) -> dict[str, dict[str, Any]]:
    """Returns the report of each challenger that was trained: `parameters`, `metrics` on eval and `seconds`."""
    files = sorted(pathlib.Path(folder).glob(f"*/{REPORT_FILE}"))
    return {file.parent.name: storage.read_json(file) for file in files}


def predictions(folder: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the predictions of each challenger on test: float32[rows, classes], or [rows] for regression."""
    root = pathlib.Path(folder)
    return {name: np.load(root / name / PREDICTIONS_FILE, allow_pickle=False) for name in reports(root)}

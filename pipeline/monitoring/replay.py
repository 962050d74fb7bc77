"""Replays logged requests: the model that was pushed predicts them again, and its answers are those of the server.

Where they are not, the server has another model than it says, or its features are not those that were logged.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

# Answers of other hardware and batch sizes differ by less, relative to numbers above 1.
TOLERANCE = 1e-4
_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Replay:
    """Logged answers beside those of the model.

    Attributes:
        rows: the number of answers that were compared.
        differing: how many of them differ.
        largest: the largest difference.
        examples: some rows that differ, the largest first: their features, the logged answer and that of the model.
    """

    rows: int
    differing: int
    largest: float
    examples: Sequence[Mapping[str, Any]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as JSON can hold it."""
        return dataclasses.asdict(self)

    def alarms(self) -> list[str]:
        """Returns the alarm, if there is one."""
        if not self.differing:
            return []
        first = self.examples[0]
        return [
            f"{self.differing:,} of {self.rows:,} logged answers are not those of this version, by up to "
            f"{self.largest:.3g}: for {first['features']} the log has {first['logged']}, the model {first['model']}"
        ]

    def lines(self) -> list[str]:
        """Returns the result in a line."""
        return [f"replay: {self.rows:,} logged answers, of which {self.differing:,} are not those of this version"]


def replay(requests: pa.RecordBatch, answers: np.ndarray, predicted: np.ndarray) -> Replay | None:
    """Compares logged answers with those of the model; None where the log has none.

    Args:
        requests: the requests, as Examples hold them.
        answers: float64[rows, C], or [rows, 1] for regression; NaN where the log has no answer of this version.
        predicted: the model's answers, float64[rows, C] or [rows].
    """
    predicted = predicted.reshape(len(predicted), -1)
    if answers.shape != predicted.shape or np.isnan(answers).all():
        return None
    known = np.flatnonzero(~np.isnan(answers).any(axis=1))
    gaps = np.abs(answers[known] - predicted[known]).max(axis=1)
    differ = gaps > TOLERANCE * np.maximum(1, np.abs(predicted[known]).max(axis=1))
    worst = [known[place] for place in np.argsort(-gaps, kind="stable")[: min(_SHOWN, np.count_nonzero(differ))]]
    examples = [
        {
            "features": _features(requests, int(row)),
            "logged": np.round(answers[row], 6).tolist(),
            "model": np.round(predicted[row], 6).tolist(),
        }
        for row in worst
    ]
    return Replay(len(known), int(differ.sum()), float(gaps.max(initial=0.0)), examples)


def _features(requests: pa.RecordBatch, row: int) -> dict[str, Any]:
    """Returns the values of a row; those that are missing are left out."""
    (values,) = requests.slice(row, 1).to_pylist()
    found = {name: [_text(value) for value in cell] for name, cell in values.items() if cell}
    return {name: cell[0] if len(cell) == 1 else cell for name, cell in found.items()}


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value

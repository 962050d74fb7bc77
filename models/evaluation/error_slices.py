"""Finds the slices of a sample in which a model errs most, by the values and quartiles of every feature."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from core.spec import Feature, Task
from models.evaluation import model_comparison

MISSING = "(missing)"
_MIN_ROWS = 30
_VALUES = 12  # the most frequent values of a feature that are slices
_Z = 1.96


@dataclasses.dataclass(frozen=True)
class ErrorSlice:
    """A slice with the mean error of its rows.

    Attributes:
        name: such as `town = Bonn` or `age in [18, 30.5)`.
        rows: the number of rows in the sample.
        error: the mean log loss, or the mean absolute error for regression.
        half_width: half the width of the 95 % interval of the mean.
    """

    name: str
    rows: int
    error: float
    half_width: float


def row_errors(task: Task, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Returns the error of each row: its log loss, or its absolute error for regression."""
    if task == "regression":
        return np.abs(predictions.astype(np.float64) - labels)
    return model_comparison.log_losses(labels, predictions)


def worst_first(
    features: Sequence[Feature],
    columns: Mapping[str, np.ndarray],
    errors: np.ndarray,
    weights: np.ndarray,
    most: int = 25,
) -> list[ErrorSlice]:
    """Returns the slices with at least 30 rows, by the lower end of the interval of their mean error.

    Args:
        features: the features to slice by.
        columns: the features as `core.examples.dense` gives them; of a repeated feature the first value counts.
        errors: the error of each row.
        weights: float[rows] >= 0.
        most: the number of slices that are returned.
    """
    counted = weights > 0
    found = []
    for feature in features:
        values = columns[feature.name]
        for name, members in _slices(feature, values[:, 0] if values.ndim > 1 else values):
            rows = members & counted
            if rows.sum() >= _MIN_ROWS and not members[counted].all():
                error, deviation = model_comparison.mean(errors[rows], weights[rows])
                found.append(ErrorSlice(name, int(rows.sum()), error, _Z * deviation))
    return sorted(found, key=lambda part: part.half_width - part.error)[:most]


def _slices(feature: Feature, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the name and the rows of each slice of a feature."""
    missing = values == b"" if feature.payload == "text" else np.isnan(values)
    if missing.any():
        yield f"{feature.name} = {MISSING}", missing
    distinct, counts = np.unique(values[~missing], return_counts=True)
    if feature.payload == "text" or feature.kind == "categorical" or len(distinct) <= _VALUES // 2:
        for value in distinct[np.argsort(-counts, kind="stable")[:_VALUES]]:
            yield f"{feature.name} = {shown(value, feature)}", values == value
        return
    edges = np.unique(np.quantile(values[~missing], [0, 0.25, 0.5, 0.75, 1]))
    for low, high in itertools.pairwise(edges):
        last = high == edges[-1]
        yield (
            f"{feature.name} in [{shown(low, feature)}, {shown(high, feature)}{']' if last else ')'}",
            (values >= low) & ((values <= high) if last else (values < high)),
        )


def shown(value: float | bytes, feature: Feature) -> str:
    """Returns a value of a feature as reports show it."""
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
        return (text if len(text) <= 40 else f"{text[:39]}…") or MISSING
    if math.isnan(value):
        return MISSING
    if feature.kind == "timestamp":
        return str(np.datetime64(int(value), feature.unit).astype("datetime64[m]")).replace("T", " ")
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.4g}"

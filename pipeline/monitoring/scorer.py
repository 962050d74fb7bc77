"""Predicts rows with the served model."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from core import examples
from core.spec import Feature, Spec
from pipeline.prediction import batch_prediction

_REQUEST_ROWS = 256  # 1,024 take 30 MB more, and are no faster


class Scorer:
    """The served model as a function from rows to predictions."""

    def __init__(self, version: str, spec: Spec) -> None:
        """Loads the model, which takes seconds."""
        with batch_prediction.quiet_tensorflow():
            from models.serving import served_model

            self._model = served_model.load(version)
        self.spec = spec

    def __call__(self, rows: pa.RecordBatch) -> np.ndarray:
        """Returns the scores of the classes, float64[rows, C]; or for regression the predictions, float64[rows]."""
        return self.dense(examples.dense(rows, self.spec.features))

    def dense(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Returns the predictions for columns as `core.examples.dense` gives them."""
        count = len(next(iter(columns.values())))
        parts = [
            self._model.predictions({name: values[start : start + _REQUEST_ROWS] for name, values in columns.items()})
            for start in range(0, count, _REQUEST_ROWS)
        ]
        return np.concatenate(parts).astype(np.float64)


def by_output(predictions: np.ndarray) -> np.ndarray:
    """Returns predictions as [rows, outputs]: a regression has one output."""
    return predictions if predictions.ndim == 2 else predictions[:, None]


def matrix(rows: pa.RecordBatch, features: Sequence[Feature], categories: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Returns float64[rows, features] for trees: numbers, the rank of a category (-1 for an unseen one), NaN."""
    columns = []
    for name, values in examples.dense(rows, features).items():
        first = values if values.ndim == 1 else values[:, 0]
        if name in categories:
            places = {category: place for place, category in enumerate(categories[name])}
            first = np.array([_place(value, places) for value in first])
        columns.append(first.astype(np.float64))
    return np.stack(columns, axis=1) if columns else np.zeros((rows.num_rows, 0))


def _place(value: bytes | float, places: dict[str, int]) -> float:
    if isinstance(value, bytes):
        return places.get(value.decode(errors="replace"), -1) if value else np.nan
    return np.nan if np.isnan(value) else places.get(str(int(value)), -1)

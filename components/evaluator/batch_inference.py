"""Predicts row groups with several models on Beam, and yields the predictions as TFMA's extracts, by slice.

Beam carries references to row groups. A worker reads one, calls every model, and also writes labels, predictions and
slice columns as one Parquet file, which `models.evaluation.stored_predictions` reads.
"""

import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.slicer import slicer_lib

from core import examples, progress, storage
from core.errors import UserError
from core.spec import Spec
from models.evaluation.model_comparison import ModelPredictions
from models.serving import served_model

# TFMA keeps a row of its table for each slice.
MAX_SLICES = 1_000
MISSING = "(missing)"
_BATCH = 4_096


class Predict(beam.DoFn):
    """Predicts a row group with every model, writes a Parquet file and yields TFMA's extracts by slice.

    Args:
        models: the folders of the SavedModels by name.
        constant: the prediction of the model `constant`: float32[classes], or float64[] for regression.
        spec: the features, the label and the weight.
        slices: the features of each slicing.
        folder: the folder of the files.
    """

    def __init__(
        self, models: Mapping[str, str], constant: np.ndarray, spec: Spec, slices: Sequence[Sequence[str]], folder: str
    ) -> None:
        self._models = dict(models)
        self._constant = constant
        self._spec = spec
        self._slices = [list(features) for features in slices]
        self._folder = pathlib.Path(folder)

    def setup(self) -> None:
        """Starts to count the rows of a worker."""
        self._num_rows = 0

    def process(self, element: tuple[int, tuple[str, int, int]]) -> Iterator[dict[str, Any]]:
        """Yields the extracts of a row group: of all its rows, then of each slice."""
        number, row_group = element
        rows = examples.read(examples.RowGroup(*row_group))
        by_model = {name: _predict(path, rows, self._spec) for name, path in self._models.items()}
        by_model["constant"] = np.broadcast_to(self._constant, (rows.num_rows, *self._constant.shape))
        labels = examples.label_values(rows, self._spec.label)
        found = ModelPredictions(labels, examples.weight_values(rows, self._spec.weight), by_model)
        columns = sorted({name for features in self._slices for name in features})
        _write(self._folder / f"part-{number:05d}.parquet", found, {name: rows.column(name) for name in columns})
        self._num_rows += rows.num_rows
        progress.report(f"{self._num_rows:,} test rows predicted by {len(self._models)} models")
        for key, members in slice_rows(rows, self._slices):
            yield _extracts(found, key, members)


def _predict(path: str, rows: pa.RecordBatch, spec: Spec) -> np.ndarray:
    """Returns a model's predictions, computed in batches: a wide model needs much memory for a row."""
    model = served_model.load(path)
    batches = [rows.slice(start, _BATCH) for start in range(0, rows.num_rows, _BATCH)]
    return np.concatenate([model.predictions(examples.dense(batch, spec.features)) for batch in batches])


def slice_rows(
    rows: pa.RecordBatch, slices: Sequence[Sequence[str]]
) -> Iterator[tuple[slicer_lib.SliceKeyType, np.ndarray | slice]]:
    """Yields the key and the row numbers of each slice: all rows, then each combination of values of each slicing.

    A row with several values in a repeated feature is in several slices.

    Raises:
        UserError: a slicing has too many slices.
    """
    yield (), slice(None)
    for features in slices:
        members: dict[slicer_lib.SliceKeyType, list[int]] = {}
        for row, values in enumerate(zip(*(rows.column(name).to_pylist() for name in features), strict=True)):
            for combination in itertools.product(*map(_slice_values, values)):
                members.setdefault(tuple(zip(features, combination, strict=True)), []).append(row)
        if len(members) > MAX_SLICES:
            raise UserError(
                f"The slice {list(features)} of `evaluate` has more than {MAX_SLICES:,} values. Features with a "
                "few values each were expected: leave it out, or make ranges of it in `data.query`."
            )
        for key, numbers in members.items():
            yield key, np.array(numbers)


def _slice_values(values: list[Any] | None) -> list[Any]:
    """Returns the values of one row as slice keys show them."""
    texts = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values or []]
    return list(dict.fromkeys(texts)) or [MISSING]


def _extracts(found: ModelPredictions, key: slicer_lib.SliceKeyType, members: np.ndarray | slice) -> dict[str, Any]:
    return {
        constants.SLICE_KEY_TYPES_KEY: slicer_lib.slice_keys_to_numpy_array([key]),
        constants.LABELS_KEY: found.labels[members],
        constants.EXAMPLE_WEIGHTS_KEY: found.weights[members],
        constants.PREDICTIONS_KEY: {name: predictions[members] for name, predictions in found.by_model.items()},
    }


def _write(path: pathlib.Path, found: ModelPredictions, columns: Mapping[str, pa.Array]) -> None:
    predictions = {name: _column(values) for name, values in found.by_model.items()}
    table = pa.table({"label": found.labels, "weight": found.weights, **columns, **predictions})
    with storage.replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _column(predictions: np.ndarray) -> pa.Array:
    """Returns predictions [rows], or [rows, classes] as a column of lists."""
    if predictions.ndim == 1:
        return pa.array(predictions)
    offsets = np.arange(len(predictions) + 1, dtype=np.int32) * predictions.shape[1]
    return pa.ListArray.from_arrays(offsets, predictions.ravel())

"""The Beam side of the Evaluator: the test split's row groups go in, predictions and their slices come out.

Beam carries references to row groups; a worker reads one, asks every model, and keeps labels, predictions and slice
columns as one Parquet file beside handing them on.
"""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.slicer import slicer_lib

from core import examples, progress
from core.errors import UserError
from core.spec import Spec
from models.serving import served_model

# More parts than this are no slices any more: TFMA would keep a table row for each.
MAX_PARTS = 1_000
MISSING = "(missing)"
_BATCH = 4_096


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Labels, weights and predictions of some rows, as flat arrays."""

    labels: np.ndarray
    weights: np.ndarray
    by_model: Mapping[str, np.ndarray]


class Predict(beam.DoFn):
    """Asks every model for the rows of a row group, writes a Parquet file and yields TFMA's extracts by slice."""

    def __init__(
        self, models: Mapping[str, str], constant: np.ndarray, spec: str, slices: Sequence[Sequence[str]], folder: str
    ) -> None:
        """Args are kept until rows come.

        Args:
            models: the SavedModels' folders by name.
            constant: the one answer of the model `constant`: float32[classes], or float32[] for regression.
            spec: `Spec.to_json()`.
            slices: the features of each slicing.
            folder: where the files go.
        """
        self._models = dict(models)
        self._constant = constant
        self._spec_json = spec
        self._slices = [list(each) for each in slices]
        self._folder = pathlib.Path(folder)

    def setup(self) -> None:
        """Reads the spec, once a worker."""
        self._num_rows = 0
        self._spec = Spec.from_json(self._spec_json)

    def process(self, element: tuple[int, tuple[str, int, int]]) -> Iterator[dict[str, Any]]:
        """Yields the extracts of a row group: of all its rows, then of each part."""
        number, row_group = element
        rows = examples.read(examples.RowGroup(*row_group))
        by_model = {name: _predict(path, rows, self._spec) for name, path in self._models.items()}
        by_model["constant"] = np.broadcast_to(self._constant, (rows.num_rows, *self._constant.shape))
        labels = examples.label_values(rows, self._spec.label)
        found = Predictions(labels, weight_values(rows, self._spec.weight), by_model)
        columns = sorted({name for each in self._slices for name in each})
        _write(self._folder / f"part-{number:05d}.parquet", found, {name: rows.column(name) for name in columns})
        self._num_rows += rows.num_rows
        progress.report(f"{self._num_rows:,} test rows predicted by {len(self._models)} models")
        for key, members in parts(rows, self._slices):
            yield _extracts(found, key, members)


def _predict(path: str, rows: pa.RecordBatch, spec: Spec) -> np.ndarray:
    """Returns a model's predictions, asked in batches that bound the memory that a wide model needs."""
    model = served_model.load(path)
    batches = [rows.slice(start, _BATCH) for start in range(0, rows.num_rows, _BATCH)]
    return np.concatenate([model.predictions(examples.dense(each, spec.features)) for each in batches])


def weight_values(rows: pa.RecordBatch, weight: str | None) -> np.ndarray:
    """Returns float64[rows]: the weights of the rows, 1 without a weight column and 0 for a missing weight."""
    if weight is None:
        return np.ones(rows.num_rows)
    column = rows.column(weight)
    result = np.zeros(rows.num_rows)
    result[np.asarray(column.is_valid())] = np.asarray(column.flatten())
    return result


def parts(
    rows: pa.RecordBatch, slices: Sequence[Sequence[str]]
) -> Iterator[tuple[slicer_lib.SliceKeyType, np.ndarray | slice]]:
    """Yields the key and the row numbers of each part of the rows: all of them, then each value of each slicing.

    A row with several values in a repeated feature is in several parts.

    Raises:
        UserError: a slicing has too many parts to be looked at.
    """
    yield (), slice(None)
    for features in slices:
        members: dict[slicer_lib.SliceKeyType, list[int]] = {}
        for row, values in enumerate(zip(*(rows.column(name).to_pylist() for name in features), strict=True)):
            for combination in itertools.product(*(_shown(each) for each in values)):
                members.setdefault(tuple(zip(features, combination, strict=True)), []).append(row)
        if len(members) > MAX_PARTS:
            raise UserError(
                f"The slice {list(features)} of `evaluate.slices` has more than {MAX_PARTS:,} values. Features with a "
                "few values each were expected: leave it out, or make ranges of it in `data.query`."
            )
        for key, numbers in members.items():
            yield key, np.array(numbers)


def _shown(values: list[Any] | None) -> list[Any]:
    """Returns the values of one row as slice keys show them."""
    texts = [each.decode(errors="replace") if isinstance(each, bytes) else each for each in values or []]
    return list(dict.fromkeys(texts)) or [MISSING]


def _extracts(found: Predictions, key: slicer_lib.SliceKeyType, members: np.ndarray | slice) -> dict[str, Any]:
    return {
        constants.SLICE_KEY_TYPES_KEY: slicer_lib.slice_keys_to_numpy_array([key]),
        constants.LABELS_KEY: found.labels[members],
        constants.EXAMPLE_WEIGHTS_KEY: found.weights[members],
        constants.PREDICTIONS_KEY: {name: each[members] for name, each in found.by_model.items()},
    }


def _write(path: pathlib.Path, found: Predictions, columns: Mapping[str, pa.Array]) -> None:
    """Writes one file, which appears under its name when it is complete."""
    predictions = {name: _column(each) for name, each in found.by_model.items()}
    table = pa.table({"label": found.labels, "weight": found.weights, **columns, **predictions})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def _column(predictions: np.ndarray) -> pa.Array:
    """Returns predictions [rows], or [rows, classes] as a column of lists."""
    if predictions.ndim == 1:
        return pa.array(predictions)
    offsets = np.arange(len(predictions) + 1, dtype=np.int32) * predictions.shape[1]
    return pa.ListArray.from_arrays(offsets, predictions.ravel())


def load(folder: str, models: Sequence[str]) -> Predictions:
    """Returns the predictions that `Predict` wrote, in the order of the rows."""
    files = sorted(pathlib.Path(folder).glob("*.parquet"))
    table = pa.concat_tables(pq.read_table(file, columns=["label", "weight", *models]) for file in files)
    return Predictions(
        labels=np.asarray(table["label"]),
        weights=np.asarray(table["weight"]),
        by_model={name: _matrix(table[name].combine_chunks()) for name in models},
    )


def _matrix(column: pa.Array) -> np.ndarray:
    """Returns [rows], or [rows, classes] of a column of lists."""
    if pa.types.is_list(column.type):
        return np.asarray(column.flatten()).reshape(len(column), -1)
    return np.asarray(column)

"""Reads the predictions of several models that the Evaluator keeps as Parquet files."""

import pathlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.evaluation.model_comparison import ModelPredictions


def load(folder: str | pathlib.Path, models: Sequence[str]) -> ModelPredictions:
    """Returns labels, weights and the predictions of some models, in the order of the rows."""
    files = sorted(pathlib.Path(folder).glob("*.parquet"))
    columns = ["label", "weight", *models]
    table = pa.concat_tables(pq.read_table(file, columns=columns, partitioning=None) for file in files)
    return ModelPredictions(
        labels=np.asarray(table["label"]),
        weights=np.asarray(table["weight"]),
        by_model={name: _matrix(table[name].combine_chunks()) for name in models},
    )


def _matrix(column: pa.Array) -> np.ndarray:
    """Returns [rows], or [rows, classes] of a column of lists."""
    if pa.types.is_list(column.type):
        return np.asarray(column.flatten()).reshape(len(column), -1)
    return np.asarray(column)

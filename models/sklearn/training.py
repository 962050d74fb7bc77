"""Trains a family on rows in memory, and writes and reads the served model as bytes."""

import dataclasses
import functools
import io
import pathlib
import tempfile
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from core import examples
from core.config.deployment import Serve
from core.config.sections import Train
from core.errors import GateError
from core.spec import Spec, inputs_to_json
from models import families
from models.preprocessing import tracing
from models.preprocessing.rows import TransformedRows
from models.preprocessing.transform_graph import TransformGraph
from models.serving import export, parity_check
from models.serving.served_model import ServedModel
from models.sklearn import frames
from models.trained import Predict

_TYPES = {"int": tf.int64, "double": tf.float64, "text": tf.string}  # of the payloads that `frames.features` gives
_EXPECTED_ROWS = 200  # of train, on which an exported model must predict as the trained one did


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A trained model, as it is pickled.

    Attributes:
        spec: its features and its label.
        content: the files of the SavedModel as a zip file.
        expected: a Parquet file of rows, with the predictions of the model in memory.
        metrics: the metrics on the validation rows.
    """

    spec: Spec
    content: bytes
    expected: bytes
    metrics: Mapping[str, float]

    def predictions(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns float32[rows, classes], or for regression float[rows]."""
        return loaded(self.content).predictions(columns)

    def export(self, path: pathlib.Path) -> None:
        """Writes the SavedModel into a new folder, and checks that it predicts as the model in memory did.

        Raises:
            GateError: it does not.
        """
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            archive.extractall(path)
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(self.expected)
            file.flush()
            answer = parity_check.check(str(path), file.name, self.spec, Serve())
        failed = [gate.why for gate in answer.gates if not gate.passed]
        if failed:
            raise GateError(f"The model in {path} is not the one that was trained. {' '.join(failed)}")


@functools.lru_cache(maxsize=8)
def loaded(content: bytes) -> ServedModel:
    """Returns the model in a zip file, which each process loads once."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
        return ServedModel(folder)


def fit(
    spec: Spec,
    columns: Mapping[str, np.ndarray],
    labels: np.ndarray,
    weights: np.ndarray | None,
    validation: np.ndarray,
    options: Train,
) -> Fitted:
    """Trains the family of a spec.

    Args:
        spec: the features, the label and the family.
        columns: the features of all rows.
        labels: class indexes int64[rows], or float64[rows] for regression.
        weights: float[rows]; None where all rows count the same.
        validation: bool[rows], the rows for early stopping; with none of them, all rows are both.
        options: the section `train`.
    """
    train = ~validation
    stats = {feature.name: frames.constants(columns[feature.name][train], feature) for feature in spec.features}
    with tempfile.TemporaryDirectory() as folder:
        batch = frames.batch(columns, spec.features)
        types = {feature.name: _TYPES[feature.payload] for feature in spec.features}
        inputs = tracing.trace(folder, spec, stats, types)
        pathlib.Path(folder, "inputs.json").write_text(inputs_to_json(inputs), encoding="utf-8")
        graph = TransformGraph(folder, spec)
        rows = TransformedRows(graph(batch), labels, None if weights is None else weights.astype(np.float32))
        watched = rows.take(validation if validation.any() else train)
        family = families.FAMILIES[spec.family]
        chosen = family.defaults(spec.hyperparameters)
        trained = family.fit(spec, inputs, chosen, rows.take(train), watched, options, report=_silent)
        saved = pathlib.Path(folder, "saved")
        export.save(str(saved), spec, graph, trained.predictor)
        predictions = Predict(trained.predictor)(rows.take(slice(0, _EXPECTED_ROWS)).features)
        return Fitted(spec, _zipped(saved), _expected(batch, predictions), dict(trained.metrics))


def _silent(*_: Any) -> None:
    """Reports no progress."""


def _zipped(folder: pathlib.Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return content.getvalue()


def _expected(batch: pa.RecordBatch, predictions: np.ndarray) -> bytes:
    raw = batch.slice(0, len(predictions))
    column = pa.array(list(predictions.reshape(raw.num_rows, -1)), pa.list_(pa.from_numpy_dtype(predictions.dtype)))
    file = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches([raw]).append_column(examples.PREDICTION, column), file)
    return bytes(file.getvalue())

"""The transform graph that the Transform stage leaves: raw rows go in, what a model takes comes out.

Training, serving and whoever asks for transformed features all go through this one graph.
"""

import pathlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft

from models.packing import pack
from models.spec import Input, Spec, inputs_from_json

Raw = Mapping[str, tf.SparseTensor]


class TransformGraph:
    """A loaded transform graph.

    Attributes:
        inputs: what a model takes.
        layer: raw features to transformed ones; leaves out what hangs on raw features that it is not given.
        raw_types: the raw columns that the graph takes, label and weight among them, with the type of their values.
    """

    def __init__(self, uri: str) -> None:
        output = tft.TFTransformOutput(uri)
        self.inputs: tuple[Input, ...] = inputs_from_json(pathlib.Path(uri, "inputs.json").read_text())
        self.layer = output.transform_features_layer()
        self.raw_types: dict[str, tf.DType] = {name: each.dtype for name, each in output.raw_feature_spec().items()}

    def training_function(self, spec: Spec) -> tf.types.experimental.GenericFunction:
        """Returns a function from all raw columns to a row's packed features, label and weight (None without one)."""

        def transform(raw: Raw) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor | None]:
            transformed = self.layer(raw)
            label = tf.cast(transformed[spec.label.name], tf.float32 if spec.label.task == "regression" else tf.int64)
            weight = None if spec.weight is None else tf.cast(transformed[spec.weight], tf.float32)
            return pack(self.inputs, transformed), label, weight

        types = {name: tf.SparseTensorSpec([None, None], dtype) for name, dtype in self.raw_types.items()}
        return tf.function(transform, input_signature=[types])

    def sparse(self, batch: pa.RecordBatch) -> dict[str, tf.SparseTensor]:
        """Returns the raw columns of some rows of Examples as the graph takes them."""
        return {name: _sparse(batch.column(name), dtype) for name, dtype in self.raw_types.items()}


def _sparse(column: pa.LargeListArray, dtype: tf.DType) -> tf.SparseTensor:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)  # int64[batch]
    rows = np.repeat(np.arange(len(column)), lengths)
    firsts = np.cumsum(lengths) - lengths
    positions = np.arange(len(rows)) - firsts[rows]
    values = column.flatten()
    if dtype == tf.string:
        # A text that occurs often crosses into TensorFlow once.
        encoded = values.dictionary_encode()
        texts = tf.constant(encoded.dictionary.to_numpy(zero_copy_only=False), tf.string, [len(encoded.dictionary)])
        tensor = tf.gather(texts, encoded.indices.to_numpy(zero_copy_only=False))
    else:
        tensor = tf.constant(values.to_numpy(zero_copy_only=False), dtype)
    shape = [len(column), max(1, int(lengths.max(initial=0)))]
    return tf.SparseTensor(np.stack([rows, positions], axis=1), tensor, shape)

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

    Args:
        uri: the folder of the artifact.
        spec: which of the transformed features are label and weight.

    Attributes:
        inputs: what a model takes.
        layer: raw features to transformed ones; leaves out what hangs on raw features that it is not given.
        raw_types: the raw columns that the graph takes, label and weight among them, with the type of their values.
    """

    def __init__(self, uri: str, spec: Spec) -> None:
        output = tft.TFTransformOutput(uri)
        self.inputs: tuple[Input, ...] = inputs_from_json(pathlib.Path(uri, "inputs.json").read_text(encoding="utf-8"))
        self.layer = output.transform_features_layer()
        self.raw_types: dict[str, tf.DType] = {name: each.dtype for name, each in output.raw_feature_spec().items()}
        self._spec = spec
        types = {name: tf.SparseTensorSpec([None, None], dtype) for name, dtype in self.raw_types.items()}
        self._transform = tf.function(self._packed, input_signature=[types])

    def __call__(self, batch: pa.RecordBatch) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        """Returns some rows of Examples as a model learns from them.

        Returns:
            What `packing.pack` gives; the label as int64[batch] or, for regression, float32[batch]; the weight as
            float32[batch], or None where there is none.
        """
        raw = {name: _sparse(batch.column(name), dtype) for name, dtype in self.raw_types.items()}
        features, label, weight = self._transform(raw)
        packed = {kind: tensor.numpy() for kind, tensor in features.items()}
        return packed, label.numpy(), None if weight is None else weight.numpy()

    def _packed(self, raw: Raw) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor | None]:
        transformed, label, weight = self.layer(raw), self._spec.label, self._spec.weight
        dtype = tf.float32 if label.task == "regression" else tf.int64
        return (
            pack(self.inputs, transformed),
            tf.cast(transformed[label.name], dtype),
            None if weight is None else tf.cast(transformed[weight], tf.float32),
        )


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

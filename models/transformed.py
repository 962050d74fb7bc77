"""The transform graph that the Transform stage leaves: raw rows go in, what a model takes comes out.

Training, serving and whoever asks for transformed features all go through this one graph. It is loaded as the
SavedModel that it is: TF Transform's own loader looks for what can be had without the label by walking the graph once a
feature, which takes minutes on a wide table.
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
        raw_types: the raw columns that the graph takes, label and weight among them, with the type of their values.
        resources: the tables and variables that the graph looks things up in.
    """

    def __init__(self, uri: str, spec: Spec) -> None:
        self.inputs: tuple[Input, ...] = inputs_from_json(pathlib.Path(uri, "inputs.json").read_text(encoding="utf-8"))
        self._spec = spec
        # The function works only as long as the object that was loaded is there.
        self._loaded = tf.saved_model.load(str(pathlib.Path(uri, tft.TFTransformOutput.TRANSFORM_FN_DIR)))
        ((types,), _) = self._loaded.transform_fn.structured_input_signature
        self.raw_types: dict[str, tf.DType] = {name: each.dtype for name, each in types.items()}
        self.resources = [
            each
            for each in tf.train.TrackableView(self._loaded).descendants()
            if isinstance(each, (tf.Variable, tf.saved_model.experimental.TrackableResource))
        ]
        self._training = tf.function(self._training_rows, autograph=False, input_signature=[types])

    def features(self, raw: Raw) -> dict[str, tf.Tensor]:
        """Returns the transformed features of raw ones, without label and weight.

        Args:
            raw: sparse columns [batch, values]; those that are not there are taken as missing in every row, which is
                how it is with label and weight in a request.
        """
        target = {self._spec.label.name, self._spec.weight}
        return {name: tensor for name, tensor in self._apply(raw).items() if name not in target}

    def __call__(self, batch: pa.RecordBatch) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        """Returns some rows of Examples as a model learns from them.

        Returns:
            What `packing.pack` gives; the label as int64[batch] or, for regression, float32[batch]; the weight as
            float32[batch], or None where there is none.
        """
        raw = {name: _sparse(batch.column(name), dtype) for name, dtype in self.raw_types.items()}
        features, label, weight = self._training(raw)
        packed = {kind: tensor.numpy() for kind, tensor in features.items()}
        return packed, label.numpy(), None if weight is None else weight.numpy()

    def _apply(self, raw: Raw) -> dict[str, tf.Tensor]:
        rows = next(iter(raw.values())).dense_shape[0]
        missing = {
            name: tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.zeros([0], dtype), tf.stack([rows, 1]))
            for name, dtype in self.raw_types.items()
            if name not in raw
        }
        transformed: dict[str, tf.Tensor] = self._loaded.transform_fn({**raw, **missing})
        return transformed

    def _training_rows(self, raw: Raw) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor | None]:
        transformed, label, weight = self._apply(raw), self._spec.label, self._spec.weight
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

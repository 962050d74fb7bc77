"""Loads the transform graph that the Transform stage writes, for training and for serving.

The graph of the default features is that over packed columns, which `tracing` writes beside TF Transform's. That of a
user's function is TF Transform's, loaded as a plain SavedModel: its own loader searches the graph once for each feature
to find what does not need the label, which takes minutes for a wide table.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft

from core.errors import UserError
from core.spec import Feature, Input, Payload, Spec, inputs_from_json
from models.preprocessing import raw_columns, tracing
from models.preprocessing.packing import pack
from models.preprocessing.raw_columns import MISSING, RawColumns, together


class TransformGraph:
    """A loaded transform graph.

    Args:
        uri: the folder of the artifact.
        spec: the features, the label and the weight.

    Attributes:
        spec: the same.
        path: the folder of its SavedModel.
        inputs: the inputs of a model.
        columns: the names of the raw columns that training reads, label and weight among them.
        resources: the lookup tables and variables of the graph.
    """

    def __init__(self, uri: str, spec: Spec) -> None:
        self.inputs: tuple[Input, ...] = inputs_from_json(pathlib.Path(uri, "inputs.json").read_text(encoding="utf-8"))
        self.spec = spec
        packed = pathlib.Path(uri, tracing.PACKED_DIR)
        self._is_packed = packed.is_dir()
        self.path = str(packed if self._is_packed else pathlib.Path(uri, tft.TFTransformOutput.TRANSFORM_FN_DIR))
        # The function works only as long as the object that was loaded is there.
        self._loaded = tf.saved_model.load(self.path)
        names = [*(feature.name for feature in spec.features), spec.label.name, spec.weight]
        self.columns = [name for name in dict.fromkeys(names) if name]
        self.resources = [
            trackable
            for trackable in tf.train.TrackableView(self._loaded).descendants()
            if isinstance(trackable, (tf.Variable, tf.saved_model.experimental.TrackableResource))
        ]
        own_types = raw_columns.specs(spec.features)
        self._packed = tf.function(
            lambda *raw: self.packed(RawColumns(*raw)), autograph=False, input_signature=own_types
        )

    def __call__(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Returns the packed features of some rows of Examples: see `packing.pack`."""
        features = self.spec.features
        matrices = {payload: _matrix(batch, payload, alike) for payload, alike in together(features).items()}
        repeated = [_repeated(batch.column(feature.name)) for feature in features if feature.repeated]
        return {kind: tensor.numpy() for kind, tensor in self._packed(matrices, repeated).items()}

    def packed(self, raw: RawColumns) -> dict[str, tf.Tensor]:
        """Returns the packed features of a model."""
        if self._is_packed:
            packed: dict[str, tf.Tensor] = self._loaded.function(*raw)
            return packed
        columns = raw_columns.by_name(self.spec.features, raw)
        ((types,), _) = self._loaded.transform_fn.structured_input_signature
        rows = next(iter(columns.values())).dense_shape[0]
        for name, declared in types.items():
            if name not in columns:  # the label, and the weight, are missing in every row, as in a request
                columns[name] = tf.SparseTensor(
                    tf.zeros([0, 2], tf.int64), tf.zeros([0], declared.dtype), tf.stack([rows, 1])
                )
        found = self._loaded.transform_fn(columns)
        outputs = [([declared.name], _as_declared(found[declared.name], declared)[:, None]) for declared in self.inputs]
        return pack(self.inputs, outputs)


def _as_declared(tensor: tf.Tensor, declared: Input) -> tf.Tensor:
    """Returns a feature as the model takes it: a user's function may give [batch, 1], and -1 for what is unknown."""
    if declared.kind != "tokens" and tensor.shape.rank == 2:
        tensor = tensor[:, 0]
    if declared.unknown_below_zero:
        tensor = tf.where(tensor < 0, tf.constant(declared.size - 1, tensor.dtype), tensor)
    return tensor


def _matrix(batch: pa.RecordBatch, payload: Payload, features: Sequence[Feature]) -> np.ndarray | tf.Tensor:
    """Returns columns of one type and one value a row side by side: see `RawColumns.matrices`."""
    columns = [batch.column(feature.name) for feature in features]
    flat = [column.flatten() for column in columns]
    texts, numbers = _texts(flat)
    # Texts are places in a tensor whose last text is the missing one.
    missing = MISSING[payload] if texts is None else len(texts) - 1
    matrix = np.full([batch.num_rows, len(columns)], missing, numbers[0].dtype)
    for index, column in enumerate(columns):
        present = np.asarray(pc.fill_null(pc.list_value_length(column), 0), bool)
        if np.count_nonzero(present) != len(flat[index]):
            raise UserError(
                f"Column {features[index].name!r} has rows with several values, and one value a row was expected. "
                "If it is a feature, write `repeated: true` under it in the configuration."
            )
        matrix[present, index] = numbers[index]
    return matrix if texts is None else tf.gather(texts, matrix)


def _repeated(column: pa.LargeListArray) -> tf.SparseTensor:
    """Returns a column of several values a row as sparse [batch, values]."""
    texts, (numbers,) = _texts([column.flatten()])
    found = tf.constant(numbers)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)  # int64[batch]
    present = np.arange(max(1, int(lengths.max(initial=0)))) < lengths[:, None]  # bool[batch, values]
    return tf.SparseTensor(np.argwhere(present), found if texts is None else tf.gather(texts, found), present.shape)


def _texts(columns: Sequence[pa.Array]) -> tuple[tf.Tensor | None, list[np.ndarray]]:
    """Returns columns as numbers: texts as their places in a tensor, which comes first; None for numbers.

    A text that occurs often so crosses into TensorFlow once. The last one in the tensor is "".
    """
    if not pa.types.is_large_binary(columns[0].type):
        return None, [column.to_numpy(zero_copy_only=False) for column in columns]
    encoded = [column.dictionary_encode() for column in columns]
    first = np.cumsum([0, *(len(column.dictionary) for column in encoded)])
    empty = pa.array([b""], pa.large_binary())
    texts = pa.concat_arrays([*(column.dictionary for column in encoded), empty]).to_numpy(zero_copy_only=False)
    places = [
        column.indices.to_numpy(zero_copy_only=False) + start for column, start in zip(encoded, first, strict=False)
    ]
    return tf.constant(texts, tf.string, [len(texts)]), places

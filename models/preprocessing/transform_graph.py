"""Loads the transform graph that the Transform stage writes, for training and for serving.

It is loaded as a plain SavedModel: TF Transform's own loader searches the graph once for each feature to find what does
not need the label, which takes minutes for a wide table.
"""

import itertools
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft

from core.errors import UserError
from core.spec import Input, Spec, inputs_from_json
from models.preprocessing.packing import pack

Raw = Mapping[str, tf.SparseTensor]


class TransformGraph:
    """A loaded transform graph.

    Args:
        uri: the folder of the artifact.
        spec: the features, the label and the weight.

    Attributes:
        spec: the same.
        path: the folder of its SavedModel.
        inputs: the inputs of a model.
        raw_types: the raw columns that the graph takes, label and weight among them, with the type of their values.
        resources: the lookup tables and variables of the graph.
    """

    def __init__(self, uri: str, spec: Spec) -> None:
        self.inputs: tuple[Input, ...] = inputs_from_json(pathlib.Path(uri, "inputs.json").read_text(encoding="utf-8"))
        self.spec = spec
        # The function works only as long as the object that was loaded is there.
        self.path = str(pathlib.Path(uri, tft.TFTransformOutput.TRANSFORM_FN_DIR))
        self._loaded = tf.saved_model.load(self.path)
        ((types,), _) = self._loaded.transform_fn.structured_input_signature
        self.raw_types: dict[str, tf.DType] = {name: tensor_spec.dtype for name, tensor_spec in types.items()}
        self.resources = [
            trackable
            for trackable in tf.train.TrackableView(self._loaded).descendants()
            if isinstance(trackable, (tf.Variable, tf.saved_model.experimental.TrackableResource))
        ]
        # One tensor for each repeated column, and one for all other columns of a type.
        repeated = {feature.name for feature in spec.features if feature.repeated}
        alike = itertools.groupby(sorted(set(self.raw_types) - repeated, key=self._type_name), self._type_name)
        self._alone = sorted(repeated & set(self.raw_types))
        self._alike = [sorted(names) for _, names in alike]
        specs = [types[names[0]] for names in [*([name] for name in self._alone), *self._alike]]
        self._packed = tf.function(self._pack, autograph=False, input_signature=[specs])

    def __call__(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Returns the packed features of some rows of Examples: see `packing.pack`."""
        alone = [_repeated(batch.column(name)) for name in self._alone]
        together = [_together(batch.select(names)) for names in self._alike]
        return {kind: tensor.numpy() for kind, tensor in self._packed([*alone, *together]).items()}

    def features(self, raw: Raw) -> dict[str, tf.Tensor]:
        """Returns the inputs of a model.

        Args:
            raw: sparse columns [batch, values]; a column that is not given, such as the label in a request, is missing
                in every row.
        """
        rows = next(iter(raw.values())).dense_shape[0]
        missing = {
            name: tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.zeros([0], dtype), tf.stack([rows, 1]))
            for name, dtype in self.raw_types.items()
            if name not in raw
        }
        transformed: dict[str, tf.Tensor] = self._loaded.transform_fn({**raw, **missing})
        return {
            model_input.name: _as_declared(transformed[model_input.name], model_input) for model_input in self.inputs
        }

    def _type_name(self, name: str) -> str:
        return self.raw_types[name].name

    def _pack(self, columns: Sequence[tf.SparseTensor]) -> dict[str, tf.Tensor]:
        raw = dict(zip(self._alone, columns, strict=False))
        for names, together in zip(self._alike, columns[len(self._alone) :], strict=True):
            raw |= split(together, names)
        return pack(self.inputs, self.features(raw))


def _as_declared(tensor: tf.Tensor, declared: Input) -> tf.Tensor:
    """Returns a feature as the model takes it: a user's function may give [batch, 1], and -1 for what is unknown."""
    if declared.kind != "tokens" and tensor.shape.rank == 2:
        tensor = tensor[:, 0]
    if declared.unknown_below_zero:
        tensor = tf.where(tensor < 0, tf.constant(declared.size - 1, tensor.dtype), tensor)
    return tensor


def split(columns: tf.SparseTensor, names: Sequence[str]) -> dict[str, tf.SparseTensor]:
    """Returns columns of one value a row, [batch, columns], as one sparse [batch, 1] each.

    Thousands of columns so cross from Python into TensorFlow as one.
    """
    indices, values, shapes = tf.raw_ops.SparseSplit(
        split_dim=1,
        indices=columns.indices,
        values=columns.values,
        shape=columns.dense_shape,
        num_split=len(names),
    )
    parts = zip(indices, values, shapes, strict=True)
    return {name: tf.SparseTensor(*part) for name, part in zip(names, parts, strict=True)}


def _together(batch: pa.RecordBatch) -> tf.SparseTensor:
    """Returns columns of one type and one value a row as one sparse matrix [batch, columns]."""
    present = np.empty([batch.num_columns, batch.num_rows], bool)
    flat = [column.flatten() for column in batch.columns]
    for index, column in enumerate(batch.columns):
        present[index] = pc.fill_null(pc.list_value_length(column), 0)
        if np.count_nonzero(present[index]) != len(flat[index]):
            raise UserError(
                f"Column {batch.schema.names[index]!r} has rows with several values, and one value a row was expected. "
                "If it is a feature, write `repeated: true` under it in the configuration."
            )
    texts, numbers = _texts(flat)
    values = np.empty(present.shape, numbers[0].dtype)
    for index, array in enumerate(numbers):
        values[index, present[index]] = array
    row_by_row = present.T
    found = tf.constant(values.T[row_by_row])
    return tf.SparseTensor(
        np.argwhere(row_by_row), found if texts is None else tf.gather(texts, found), row_by_row.shape
    )


def _repeated(column: pa.LargeListArray) -> tf.SparseTensor:
    """Returns a column of several values a row as sparse [batch, values]."""
    texts, (numbers,) = _texts([column.flatten()])
    found = tf.constant(numbers)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)  # int64[batch]
    present = np.arange(max(1, int(lengths.max(initial=0)))) < lengths[:, None]  # bool[batch, values]
    return tf.SparseTensor(np.argwhere(present), found if texts is None else tf.gather(texts, found), present.shape)


def _texts(columns: Sequence[pa.Array]) -> tuple[tf.Tensor | None, list[np.ndarray]]:
    """Returns columns as numbers: texts as their places in a tensor, which comes first; None for numbers.

    A text that occurs often so crosses into TensorFlow once.
    """
    if not pa.types.is_large_binary(columns[0].type):
        return None, [column.to_numpy(zero_copy_only=False) for column in columns]
    encoded = [column.dictionary_encode() for column in columns]
    first = np.cumsum([0, *(len(column.dictionary) for column in encoded)])
    texts = pa.concat_arrays([column.dictionary for column in encoded]).to_numpy(zero_copy_only=False)
    places = [
        column.indices.to_numpy(zero_copy_only=False) + start for column, start in zip(encoded, first, strict=False)
    ]
    return tf.constant(texts, tf.string, [len(texts)]), places

"""Reads serialised tf.Examples: a whole number that requests write as a text may come as int64 or as bytes."""

from collections.abc import Mapping, Sequence

import tensorflow as tf
from google.protobuf import descriptor_pb2
from tensorflow.core.example import example_pb2, feature_pb2

from core.spec import Feature
from models.preprocessing import raw_columns
from models.preprocessing.raw_columns import MISSING, VALUE_TYPES, RawColumns
from models.serving.requests.columns import Reader, require

# tf.Example has no float64.
_TYPES = {**VALUE_TYPES, "double": tf.float32}


def read(examples: tf.Tensor, reader: Reader) -> RawColumns:
    """Returns the features of tf.Examples as the transform graph takes them.

    A value of another type, or several values where a feature has one, are an InvalidArgument that names the feature.

    Args:
        examples: string[batch].
        reader: the features, and how their values are read.
    """
    typed = [feature for feature in reader.features if feature.written is None]
    parsed = _parsed(examples, typed)

    def read_alike(features: Sequence[Feature]) -> tf.Tensor:
        if features[0].written is not None:
            return reader.texts(texts(examples, [feature.name for feature in features]), features)
        payload = features[0].payload
        matrix = raw_columns.stack([parsed[feature.name] for feature in features], MISSING[payload])
        return reader.moments(matrix, features) if payload == "int" else matrix

    return RawColumns(reader.matrices(read_alike), [parsed[feature.name] for feature in typed if feature.repeated])


def _parsed(examples: tf.Tensor, features: Sequence[Feature]) -> dict[str, tf.SparseTensor]:
    """Returns features that tf.Example has in their own type."""
    if not features:
        return {}
    found = tf.io.parse_example(
        examples, {feature.name: tf.io.VarLenFeature(_TYPES[feature.payload]) for feature in features}
    )
    with tf.control_dependencies([_require_one(found, features)]):
        return {
            feature.name: found[feature.name].with_values(
                tf.cast(tf.identity(found[feature.name].values), VALUE_TYPES[feature.payload])
            )
            for feature in features
        }


def _require_one(parsed: Mapping[str, tf.SparseTensor], features: Sequence[Feature]) -> tf.Tensor:
    """Returns a tensor to wait for, which fails where a feature of one value has several."""
    single = [feature.name for feature in features if not feature.repeated]
    widths = tf.stack([tf.constant(0, tf.int64), *(parsed[name].dense_shape[1] for name in single)])

    def message() -> tf.Tensor:
        name = tf.gather(["", *single], tf.argmax(widths))
        return tf.strings.join(["Feature '", name, "' has several values in a tf.Example, and one was expected."])

    return require(tf.reduce_all(widths <= 1), message)


def texts(examples: tf.Tensor, names: Sequence[str]) -> tf.Tensor:
    """Returns features of int64 or bytes as texts, string[batch, names], with "" for missing."""
    features = _decoded(examples, "Example", {"features": tf.string})[1][0][:, 0]
    count, (entries,) = _decoded(features, "Features", {"feature": tf.string})
    rows = tf.where(tf.sequence_mask(count[:, 0], tf.shape(entries)[1]))  # int64[entries, 2]
    _, (keys, values) = _decoded(
        tf.gather_nd(entries, rows), "Features.FeatureEntry", {"key": tf.string, "value": tf.string}
    )
    wanted = tf.where(keys == tf.constant(names))  # int64[found, 2]: the entry, and the column
    columns = wanted[:, 1]
    values = tf.gather(values[:, 0], wanted[:, 0])
    lists = {"bytes_list": tf.string, "float_list": tf.string, "int64_list": tf.string}
    _, (contents, floats, integers) = _decoded(values, "Feature", lists)
    num_texts, (contents,) = _decoded(contents[:, 0], "BytesList", {"value": tf.string})
    num_integers, (integers,) = _decoded(integers[:, 0], "Int64List", {"value": tf.int64})
    num_floats, _ = _decoded(floats[:, 0], "FloatList", {"value": tf.float32})
    bad = (num_texts[:, 0] + num_integers[:, 0] > 1) | (num_floats[:, 0] > 0)

    def message() -> tf.Tensor:
        name = tf.gather(names, tf.gather(columns, tf.where(bad)[0, 0]))
        return tf.strings.join(["Feature '", name, "' has another value than one int64 or one text in a tf.Example."])

    with tf.control_dependencies([require(~tf.reduce_any(bad), message)]):
        text = tf.where(num_integers[:, 0] > 0, tf.strings.as_string(_first(integers)), _first(contents))
    places = tf.stack([tf.gather(rows[:, 0], wanted[:, 0]), columns], axis=1)
    shape = tf.stack([tf.size(examples, tf.int64), len(names)])
    return tf.tensor_scatter_nd_update(tf.fill(shape, ""), places, text)


def _first(values: tf.Tensor) -> tf.Tensor:
    """Returns the first column of a matrix that may have no column."""
    return tf.pad(values, [[0, 0], [0, 1]], constant_values="" if values.dtype == tf.string else 0)[:, 0]


def _decoded(messages: tf.Tensor, name: str, fields: dict[str, tf.DType]) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
    """Returns how many values each field of serialised messages has, int32[batch, fields], and the values.

    Fields that a message lacks are "" or have no column.
    """
    decoded = tf.raw_ops.DecodeProtoV2(
        bytes=tf.concat([messages, [""]], 0),  # it refuses to decode none
        message_type=f"tensorflow.{name}",
        field_names=list(fields),
        output_types=list(fields.values()),
        descriptor_source=_DESCRIPTORS,
    )
    return decoded.sizes[:-1], [values[:-1] for values in decoded.values]


def _descriptors() -> bytes:
    """Returns the definition of tf.Example in the form that the graph keeps: a server needs nothing else."""
    files = descriptor_pb2.FileDescriptorSet()
    for module in (feature_pb2, example_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    return b"bytes://" + files.SerializeToString()


_DESCRIPTORS = _descriptors()

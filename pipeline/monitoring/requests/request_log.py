"""Reads the log of requests that TensorFlow Serving writes: TFRecord files of PredictionLog.

Requests to `predict`, `classify` and `regress` are read, with tensors by feature or with tf.Examples.
"""

import itertools
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

import ingest
from core.errors import UserError
from core.examples import arrow_schema
from core.spec import Feature, Spec
from ingest import files as ingest_files

MOST_RECORDS = 200_000  # of a longer log, every k-th record is read
_BATCH = 16_384
_BLOCK = 16 << 20
_FRAME = 16  # bytes beside each record: its length and two checksums


def is_log(files: Sequence[str]) -> bool:
    """Returns whether the first file is such a log: its first record is a PredictionLog of a request."""
    from google.protobuf import message
    from tensorflow_serving.apis import prediction_log_pb2

    try:
        first = next(_records(ingest.expand(files)[0]), b"")
        return prediction_log_pb2.PredictionLog.FromString(first).WhichOneof("log_type") is not None
    except (message.DecodeError, UserError):
        return False


def batches(files: Sequence[str], spec: Spec) -> Iterator[pa.RecordBatch]:
    """Yields the requests as Examples hold them.

    Raises:
        UserError: a record is no PredictionLog, or a request lacks the features of the model.
    """
    paths = ingest.expand(files)
    step = max(1, math.ceil(sum(1 for path in paths for _ in _records(path)) / MOST_RECORDS))
    for path in paths:
        chosen = itertools.islice(_records(path), 0, None, step)
        while some := list(itertools.islice(chosen, _BATCH)):
            yield from _decoded(path, some, spec)


def _records(path: str) -> Iterator[bytes]:
    """Yields the records of a TFRecord file; a record at the end that is being written is left out."""
    rest = b""
    for block in ingest_files.blocks(path, _BLOCK):
        content, position = rest + block, 0
        while position + _FRAME <= len(content):
            (length,) = struct.unpack_from("<Q", content, position)
            if length > 1 << 28:
                raise UserError(f"{path} is no TFRecord file, or it is damaged. Copy it again.")
            if position + _FRAME + length > len(content):
                break
            yield content[position + 12 : position + 12 + length]
            position += _FRAME + length
        rest = content[position:]


def _decoded(path: str, records: Sequence[bytes], spec: Spec) -> Iterator[pa.RecordBatch]:
    from google.protobuf import message
    from tensorflow_serving.apis import prediction_log_pb2

    columns: dict[str, list[Any]] = {feature.name: [] for feature in spec.features}
    examples: list[bytes] = []
    for record in records:
        try:
            log = prediction_log_pb2.PredictionLog.FromString(record)
        except message.DecodeError:
            raise UserError(
                f"{path} holds records that are no PredictionLog. A log of requests was expected."
            ) from None
        kind = log.WhichOneof("log_type")
        if kind == "predict_log":
            inputs = log.predict_log.request.inputs
            if "examples" in inputs and "examples" not in columns:
                examples += _values(inputs["examples"])
            else:
                _add(path, columns, inputs, spec.features)
        elif kind in ("classify_log", "regress_log"):
            examples += _examples(getattr(log, kind).request.input)
    schema = arrow_schema({feature.name: feature.payload for feature in spec.features})
    if rows := len(next(iter(columns.values()), [])):
        arrays = [_column(columns[field.name], field) for field in schema]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema).slice(0, rows)
    if examples:
        yield _of_examples(examples, schema)


def _examples(request: Any) -> list[bytes]:
    """Returns the tf.Examples of a request; the features of a context belong to each of them."""
    kind = request.WhichOneof("kind")
    if kind != "example_list_with_context":
        return [example.SerializeToString() for example in request.example_list.examples]
    given = request.example_list_with_context
    context = given.context.SerializeToString()  # serialised messages that follow each other are merged
    return [context + example.SerializeToString() for example in given.examples]


def _add(path: str, columns: dict[str, list[Any]], inputs: Any, features: Sequence[Feature]) -> None:
    """Adds the rows of a request with a tensor for each feature."""
    for feature in features:
        if feature.name not in inputs:
            raise UserError(
                f"{path}: a request has no input {feature.name!r}, which the model takes. Requests to the signatures "
                "`predict` and `serving_default` are read; give the log of this model alone."
            )
        tensor = inputs[feature.name]
        values = _values(tensor)
        if feature.repeated and len(tensor.tensor_shape.dim) == 2:
            width = tensor.tensor_shape.dim[1].size
            columns[feature.name] += [
                values[i * width : (i + 1) * width] for i in range(tensor.tensor_shape.dim[0].size)
            ]
        else:
            columns[feature.name] += [[value] for value in values] if feature.repeated else values


def _values(tensor: Any) -> list[Any]:
    """Returns all values of a tensor; TensorFlow leaves out the last ones where they are equal."""
    if tensor.tensor_content:
        import tensorflow as tf

        found: list[Any] = tf.make_ndarray(tensor).ravel().tolist()
        return found
    values = next(
        (list(held) for held in (tensor.double_val, tensor.string_val, tensor.float_val, tensor.int64_val) if held), []
    )
    size = math.prod(dimension.size for dimension in tensor.tensor_shape.dim)
    return values + values[-1:] * (size - len(values))


def _column(rows: list[Any], field: pa.Field) -> pa.LargeListArray:
    """Returns a column of values, or of lists of them, without those that mean missing."""
    repeated = bool(rows) and isinstance(rows[0], list)
    lengths = np.array([len(row) for row in rows]) if repeated else np.ones(len(rows), np.int64)
    flat = list(itertools.chain.from_iterable(rows)) if repeated else rows
    if pa.types.is_large_binary(field.type.value_type):
        values = pa.array(flat, pa.large_binary())
        present = np.fromiter((value != b"" for value in flat), bool, len(flat))
    else:
        numbers = np.asarray(flat, np.float64)
        present = ~np.isnan(numbers)
        values = pa.array(np.where(present, numbers, 0)).cast(field.type.value_type, safe=False)
    ends = np.concatenate([[0], np.cumsum(present)])[np.concatenate([[0], np.cumsum(lengths)])]
    kept = values.filter(pa.array(present))
    return pa.LargeListArray.from_arrays(ends, kept, type=field.type, mask=pa.array(np.diff(ends) == 0))


def _of_examples(examples: Sequence[bytes], schema: pa.Schema) -> pa.RecordBatch:
    """Returns serialised tf.Examples as rows; empty texts and NaN mean missing."""
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    described = schema_pb2.Schema()
    for field in schema:
        value, kind = field.type.value_type, schema_pb2.FLOAT
        if pa.types.is_large_binary(value):
            kind = schema_pb2.BYTES
        elif pa.types.is_integer(value):
            kind = schema_pb2.INT
        described.feature.add(name=field.name, type=kind)
    try:
        rows = ExamplesToRecordBatchDecoder(described.SerializeToString()).DecodeBatch(list(examples))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"A tf.Example of the log has not the types of the model's features: {error}.") from None
    return pa.RecordBatch.from_arrays([_present(rows.column(field.name), field) for field in schema], schema=schema)


def _present(lists: pa.Array, field: pa.Field) -> pa.LargeListArray:
    return _column([row or [] for row in lists.to_pylist()] or [[]], field)

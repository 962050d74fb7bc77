"""Reads the log of requests that TensorFlow Serving writes: TFRecord files of PredictionLog.

Requests to `predict`, `classify` and `regress` are read, with tensors by feature or with tf.Examples.
"""

import dataclasses
import itertools
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

import ingest
from core.errors import UserError
from core.spec import Feature, Spec
from ingest import files as ingest_files
from pipeline.monitoring.requests import served_requests
from pipeline.prediction import batch_prediction

MOST_RECORDS = 100_000  # of a longer log, every k-th record is read
_BATCH = 4_096
_BLOCK = 16 << 20
_FRAME = 16  # bytes beside each record: its length and two checksums
# Where a tensor of the usual types has its values, by the number of the type in TensorFlow's types.proto.
_FIELDS = {1: "float_val", 2: "double_val", 3: "int_val", 7: "string_val", 9: "int64_val"}


def is_log(files: Sequence[str]) -> bool:
    """Returns whether the first file is such a log: its first record is a PredictionLog of a request."""
    from google.protobuf import message

    try:
        first = next(_records(ingest.expand(files)[0]), b"")
        with batch_prediction.quiet_tensorflow():  # it is imported here, as a table does not need it yet
            from tensorflow_serving.apis import prediction_log_pb2

        return prediction_log_pb2.PredictionLog.FromString(first).WhichOneof("log_type") is not None
    except (message.DecodeError, UserError):
        return False


@dataclasses.dataclass(frozen=True)
class Logged:
    """Requests as Examples hold them, and what else the log has.

    Attributes:
        features: the requests.
        times: timestamp[s], null where the log has none.
        answers: list<double>, the scores of the classes or the prediction; null where the log has none of the version.
    """

    features: pa.RecordBatch
    times: pa.Array
    answers: pa.Array


class RequestLog:
    """A log of requests.

    Attributes:
        records: the number of its records.
        step: every how many of them are read.
    """

    def __init__(self, files: Sequence[str], spec: Spec, version: int = 0) -> None:
        """Counts the records of files, which are paths and globs.

        Args:
            files: paths and globs.
            spec: the features of the model.
            version: of the model; answers of other versions are not read. 0 for any.
        """
        self._paths, self._spec, self._version = ingest.expand(files), spec, version
        self.records = sum(1 for path in self._paths for _ in _records(path))
        self.step = max(1, math.ceil(self.records / MOST_RECORDS))

    def batches(self) -> Iterator[Logged]:
        """Yields the requests.

        Raises:
            UserError: a record is no PredictionLog, or a request lacks the features of the model.
        """
        for path in self._paths:
            chosen = itertools.islice(_records(path), 0, None, self.step)
            while some := list(itertools.islice(chosen, _BATCH)):
                yield from _decoded(path, some, self._spec, self._version)


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


def _decoded(path: str, records: Sequence[bytes], spec: Spec, version: int) -> Iterator[Logged]:
    from google.protobuf import message
    from tensorflow_serving.apis import prediction_log_pb2

    columns: dict[str, list[Any]] = {feature.name: [] for feature in spec.features}
    examples: list[bytes] = []
    beside_columns, beside_examples = _Beside(spec, version), _Beside(spec, version)
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
                found = _values(inputs["examples"])
            else:
                beside_columns.add(log, _add(path, columns, inputs, spec.features))
                continue
        elif kind in ("classify_log", "regress_log"):
            found = _examples(getattr(log, kind).request.input)
        else:
            continue
        examples += found
        beside_examples.add(log, len(found))
    if beside_columns.times:
        yield beside_columns.logged(served_requests.of_tensors(path, columns, spec.features))
    if examples:
        yield beside_examples.logged(served_requests.of_examples(path, examples, spec.features))


class _Beside:
    """Collects times and answers of requests."""

    def __init__(self, spec: Spec, version: int) -> None:
        self._classes, self._version = spec.label.classes, version
        self._width = len(spec.label.classes) or 1
        self.times: list[int] = []
        self._answers: list[list[float] | None] = []

    def add(self, log: Any, rows: int) -> None:
        """Adds the rows of a record."""
        self.times += [log.log_metadata.timestamp_secs] * rows
        found = self._found(log)
        fits = len(found) == rows and all(len(answer) == self._width for answer in found)
        self._answers += found if fits else [None] * rows

    def _found(self, log: Any) -> list[list[float]]:
        """Returns the answer to each row; none where the log has no answers of this version."""
        kind = log.WhichOneof("log_type")
        response = getattr(log, kind).response
        answered = response.model_spec.version.value or log.log_metadata.model_spec.version.value
        if self._version and answered not in (0, self._version):
            return []
        if kind == "classify_log":
            found = [{scored.label: scored.score for scored in row.classes} for row in response.result.classifications]
            return [[row.get(name, math.nan) for name in self._classes] for row in found]
        if kind == "regress_log":
            return [[regression.value] for regression in response.result.regressions]
        name = "scores" if self._classes else "predictions"
        values = _values(response.outputs[name]) if name in response.outputs else []
        return [values[start : start + self._width] for start in range(0, len(values), self._width)]

    def logged(self, features: pa.RecordBatch) -> Logged:
        """Returns the requests with what was collected; a time of 0 is the default of the message, for none."""
        times = np.array(self.times, np.int64)
        moments = pa.array(times, pa.int64(), mask=times == 0).cast(pa.timestamp("s"))
        return Logged(features, moments, pa.array(self._answers, pa.list_(pa.float64())))


def _examples(request: Any) -> list[bytes]:
    """Returns the tf.Examples of a request; the features of a context belong to each of them."""
    kind = request.WhichOneof("kind")
    if kind != "example_list_with_context":
        return [example.SerializeToString() for example in request.example_list.examples]
    given = request.example_list_with_context
    context = given.context.SerializeToString()  # serialised messages that follow each other are merged
    return [context + example.SerializeToString() for example in given.examples]


def _add(path: str, columns: dict[str, list[Any]], inputs: Any, features: Sequence[Feature]) -> int:
    """Adds the rows of a request with a tensor for each feature; returns their number."""
    rows = 0
    for feature in features:
        if feature.name not in inputs:
            raise UserError(
                f"{path}: a request has no input {feature.name!r}, which the model takes. Requests to the signatures "
                "`predict` and `serving_default` are read; give the log of this model alone."
            )
        tensor = inputs[feature.name]
        values = _values(tensor)
        if feature.repeated:
            count, *widths = [dimension.size for dimension in tensor.tensor_shape.dim]
            width = math.prod(widths)
            values = [values[row * width : (row + 1) * width] for row in range(count)]
        columns[feature.name] += values
        rows = len(values)
    return rows


def _values(tensor: Any) -> list[Any]:
    """Returns all values of a tensor; the last ones are left out where they are equal, as in tf.make_tensor_proto."""
    field = _FIELDS.get(tensor.dtype)
    if tensor.tensor_content or field is None:
        import tensorflow as tf

        try:
            found: list[Any] = tf.make_ndarray(tensor).ravel().tolist()
        except (TypeError, ValueError) as error:
            raise UserError(f"A tensor of the log cannot be read: {error}. Copy the log again.") from None
        return found
    values = list(getattr(tensor, field))
    missing = math.prod([dimension.size for dimension in tensor.tensor_shape.dim]) - len(values)
    return values + values[-1:] * missing if missing else values

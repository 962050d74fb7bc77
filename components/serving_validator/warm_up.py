"""Writes requests to every signature that a model server sends to itself when it loads the model."""

from collections.abc import Mapping

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
)

from core.spec import Spec
from models.serving import differences, signatures

# The number of rows of each request.
_REQUESTS = (1, 1, 32)


def write(path: str, expected: str, spec: Spec) -> None:
    """Writes the requests as a TFRecord file of PredictionLogs.

    Args:
        path: the file.
        expected: the Parquet file whose first rows the requests send.
        spec: the features and the task.
    """
    (rows,) = pq.read_table(expected, partitioning=None).slice(0, max(_REQUESTS)).combine_chunks().to_batches()
    columns, serialized = differences.requests(rows, spec)
    with tf.io.TFRecordWriter(path) as writer:
        for number in _REQUESTS:
            part = {name: column[:number] for name, column in columns.items()}
            for signature in signatures.names_for(spec.label.task):
                writer.write(_log(signature, part, serialized[:number]).SerializeToString(deterministic=True))


def _log(signature: str, columns: Mapping[str, np.ndarray], serialized: np.ndarray) -> prediction_log_pb2.PredictionLog:
    """Returns a request to a signature.

    Args:
        signature: its name.
        columns: the rows as `predict` takes them.
        serialized: the same as tf.Examples, object[rows].
    """
    model = model_pb2.ModelSpec(signature_name=signature)
    parsed = input_pb2.ExampleList(examples=map(tf.train.Example.FromString, serialized))
    rows = input_pb2.Input(example_list=parsed)
    match signature:
        case "classify":
            asked = classification_pb2.ClassificationRequest(model_spec=model, input=rows)
            return prediction_log_pb2.PredictionLog(classify_log=prediction_log_pb2.ClassifyLog(request=asked))
        case "regress":
            asked = regression_pb2.RegressionRequest(model_spec=model, input=rows)
            return prediction_log_pb2.PredictionLog(regress_log=prediction_log_pb2.RegressLog(request=asked))
    tensors = {"examples": serialized} if signature == "serving_default" else columns
    inputs = {name: tf.make_tensor_proto(column) for name, column in tensors.items()}
    request = predict_pb2.PredictRequest(model_spec=model, inputs=inputs)
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))

"""Writes requests to `predict` that a model server sends to itself when it loads the model."""

import pyarrow.parquet as pq
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from core import examples
from core.spec import Spec
from models.serving.served_model import as_texts

# The number of rows of each request.
_REQUESTS = (1, 1, 32)


def write(path: str, expected: str, spec: Spec) -> None:
    """Writes the requests as a TFRecord file of PredictionLogs.

    Args:
        path: the file.
        expected: the Parquet file whose first rows the requests send.
        spec: the features.
    """
    rows = pq.read_table(expected, partitioning=None).combine_chunks().to_batches()[0]
    written = [feature.name for feature in spec.features if feature.written is not None]
    with tf.io.TFRecordWriter(path) as writer:
        for number in _REQUESTS:
            columns = examples.dense(rows.slice(0, number), spec.features)
            columns |= {name: as_texts(columns[name]) for name in written}
            request = predict_pb2.PredictRequest(
                model_spec=model_pb2.ModelSpec(signature_name="predict"),
                inputs={name: tf.make_tensor_proto(column) for name, column in columns.items()},
            )
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString(deterministic=True))

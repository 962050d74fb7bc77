"""Asks TensorFlow Serving for the prediction of the row in request.json by gRPC. It needs tensorflow-serving-api.

python grpc_client.py MODEL [ADDRESS]

MODEL is the name of the model in the server. ADDRESS is that of its gRPC interface, by default localhost:8500. Columns
may be absent or null: see rest_client.py, which is used.
"""

import json
import sys
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from rest_client import FOLDER, completed
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc


def tensor(values: list[Any]) -> Any:
    """Returns values as the signature takes them: texts as string, numbers as float64."""
    array = np.array(values)
    return tf.make_tensor_proto(array.astype(object) if array.dtype.kind == "U" else array.astype(np.float64))


def main() -> None:
    """Prints the outputs of the signature, one line each."""
    model, address = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "localhost:8500"
    body = json.loads((FOLDER / "request.json").read_text(encoding="utf-8"))
    rows = completed(body["instances"])
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model  # and to ask the version with a label: request.model_spec.version_label = "stable"
    request.model_spec.signature_name = body["signature_name"]
    for name in rows[0]:
        request.inputs[name].CopyFrom(tensor([row[name] for row in rows]))
    with grpc.insecure_channel(address) as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=10)
    for name, output in sorted(answer.outputs.items()):
        values = tf.make_ndarray(output)
        print(name, json.dumps(values.astype(str).tolist() if values.dtype == object else values.tolist()))


if __name__ == "__main__":
    main()

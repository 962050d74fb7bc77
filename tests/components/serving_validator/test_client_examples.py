"""The examples of clients, each run as a user runs it, against servers that answer with a SavedModel."""

import contextlib
import http.server
import importlib.util
import json
import math
import pathlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from components.serving_validator import client_examples
from core import examples
from core.spec import Feature, Label, Spec
from tests.components import served_models

SPEC = Spec(
    label=Label("bought", "binary", "text", ("no", "yes")),
    features=(Feature("age", "numeric", "float"), Feature("town", "categorical", "text")),
)
ROW = {"age": 0.5, "town": "Köln"}


def _formula(columns):
    return tf.cast(columns["age"], tf.float32) / 2 + tf.where(columns["town"] == "Köln", 0.25, 0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("clients")
    schema = examples.arrow_schema({"age": "float", "town": "text"})
    table = pa.table({"age": [None, [0.5]], "town": [[b"Bonn"], ["Köln".encode()]]}, schema)
    pq.write_table(table, folder / "expected.parquet")
    client_examples.write(folder / "clients", str(folder / "expected.parquet"), SPEC)
    return folder / "clients"


@pytest.fixture(scope="module")
def signature(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "1"
    served_models.save(path, _formula, {"age": tf.float64, "town": tf.string}, SPEC.label.classes)
    return tf.saved_model.load(str(path)).signatures["predict"]


@contextlib.contextmanager
def _rest(signature) -> Iterator[str]:
    """Yields the address of a server that takes and answers rows by the rules of TensorFlow Serving."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = self.path == "/v1/models/shop:predict" and body["signature_name"] == "predict"
            rows = body["instances"]
            if refused := [row for row in rows if not _is_taken(row, types)]:
                self.send_response(400)
                self.end_headers()
                self.wfile.write(json.dumps({"error": f"Failed to process element: {refused}"}).encode())
                return
            tensors = {name: tf.constant([row[name] for row in rows], types[name]) for name in rows[0]}
            outputs = {name: output.numpy().tolist() for name, output in signature(**tensors).items()}
            answer = [
                {
                    "scores": outputs["scores"][place],
                    "predicted": outputs["predicted"][place].decode(),
                    "classes": [name.decode() for name in outputs["classes"][place]],
                }
                for place in range(len(rows))
            ]
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"predictions": answer}).encode())

    types = {name: spec.dtype for name, spec in signature.structured_input_signature[1].items()}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def _is_taken(row: dict, types: dict) -> bool:
    """Returns whether TensorFlow Serving takes a row: exactly the inputs, and numbers or texts by their type."""
    kinds = {tf.float64: (int, float), tf.string: (str,)}
    return row.keys() == types.keys() and all(type(row[name]) in kinds[dtype] for name, dtype in types.items())


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment or None, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_request_is_a_row_of_the_data_without_missing_values(folder):
    assert json.loads((folder / "request.json").read_text(encoding="utf-8")) == {
        "signature_name": "predict",
        "instances": [ROW],
    }


def test_the_description_has_the_columns_and_their_types(folder):
    described = json.loads((folder / "openapi.json").read_text(encoding="utf-8"))
    assert described["openapi"] == "3.1.0"
    content = described["paths"]["/v1/models/{model}:predict"]["post"]["requestBody"]["content"]["application/json"]
    rows = content["schema"]["properties"]["instances"]["items"]
    assert {name: schema["type"] for name, schema in rows["properties"].items()} == {
        "age": "number",
        "town": "string",
    }
    assert rows["required"] == ["age", "town"]
    assert content["example"]["instances"] == [ROW]


WITH_CURL = pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing")


@WITH_CURL
def test_curl_and_python_get_the_prediction_by_rest(folder, signature):
    """0.5 / 2 + 0.25 = 0.5 for the second class."""
    with _rest(signature) as address:
        by_python = json.loads(_run(sys.executable, str(folder / "rest_client.py"), "shop", address))
        by_curl = json.loads(_run("sh", str(folder / "curl.sh"), address, MODEL="shop", PATH="/usr/bin:/bin"))
    assert by_python["scores"] == [0.5, 0.5]
    assert by_python["classes"] == ["no", "yes"]
    assert by_curl == {"predictions": [by_python]}


@WITH_CURL
def test_python_completes_a_row_that_tensorflow_serving_refuses(folder, signature, tmp_path):
    """1 / 2 + 0.25 for true as 1; 0.5 / 2 for another town; 1 / 2 for none; and NaN, the missing number, stays NaN."""
    edited = shutil.copytree(folder, tmp_path / "clients")
    rows = [{"age": True, "town": "Köln"}, {"age": 0.5, "town": True, "colour": "red"}, {"age": 1}, {"town": None}]
    body = {"signature_name": "predict", "instances": rows}
    (edited / "request.json").write_text(json.dumps(body), encoding="utf-8")
    with _rest(signature) as address:
        client = [sys.executable, str(edited / "rest_client.py"), "shop", address]
        answers = [json.loads(line)["scores"][1] for line in _run(*client).splitlines()]
        by_curl = subprocess.run(
            ["sh", str(edited / "curl.sh"), address], env={"MODEL": "shop", "PATH": "/usr/bin:/bin"}
        )
    assert answers[:3] == [0.75, 0.25, 0.5]
    assert math.isnan(answers[3])
    assert by_curl.returncode != 0


def test_python_says_why_a_request_is_refused(folder, signature, tmp_path):
    edited = shutil.copytree(folder, tmp_path / "clients")
    body = {"signature_name": "predict", "instances": [{"age": "old", "town": "Köln"}]}
    (edited / "request.json").write_text(json.dumps(body), encoding="utf-8")
    with _rest(signature) as address:
        client = [sys.executable, str(edited / "rest_client.py"), "shop", address]
        done = subprocess.run(client, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.startswith("error: 400: ")
    assert "old" in done.stderr


def _client(folder: pathlib.Path):
    """Returns the module of the REST client."""
    spec = importlib.util.spec_from_file_location("rest_client", folder / "rest_client.py")
    client = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(client)
    return client


def test_python_gives_lists_one_length(folder):
    """TensorFlow Serving takes lists of one length in all rows of a request."""
    client = _client(folder)
    texts = {"type": "array", "items": {"type": "string"}}
    assert client.column([["a", "b"], None, [5]], texts) == [["a", "b"], ["", ""], ["5", ""]]
    assert client.column([None], texts) == [[""]]


def test_a_row_may_have_the_names_of_the_data(folder, tmp_path):
    """Of `Age` and `age`, one has another name in the model."""
    spec = Spec(SPEC.label, (Feature("Age", "numeric", "float"), Feature("age_2", "numeric", "float", in_files="age")))
    table = pa.table({"Age": [[1.0]], "age_2": [[2.0]]}, examples.arrow_schema({"Age": "float", "age_2": "float"}))
    pq.write_table(table, tmp_path / "expected.parquet")
    client_examples.write(tmp_path / "clients", str(tmp_path / "expected.parquet"), spec)
    completed = _client(tmp_path / "clients").completed([{"Age": 3, "age": 4}, {"Age": 3, "age_2": 5}])
    assert completed == [{"Age": 3, "age_2": 4}, {"Age": 3, "age_2": 5}]


@pytest.mark.slow
def test_python_gets_the_prediction_by_grpc(folder, signature, tmp_path):
    """As by REST, 1 / 2 + 0.25 for true as 1, and 0.5 / 2 where `town` is absent."""

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            assert (request.model_spec.name, request.model_spec.signature_name) == ("shop", "predict")
            tensors = {name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()}
            outputs = signature(**tensors)
            return predict_pb2.PredictResponse(
                outputs={name: tf.make_tensor_proto(output.numpy()) for name, output in outputs.items()}
            )

    server = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    edited = shutil.copytree(folder, tmp_path / "clients")
    rows = [{"age": True, "town": "Köln"}, {"age": 0.5, "colour": "red"}, {"age": 1, "town": None}]
    body = {"signature_name": "predict", "instances": rows}
    (edited / "request.json").write_text(json.dumps(body), encoding="utf-8")
    try:
        answers = [
            _run(sys.executable, str(clients / "grpc_client.py"), "shop", f"127.0.0.1:{port}").splitlines()
            for clients in (folder, edited)
        ]
    finally:
        server.stop(None)
    found = [dict(line.split(" ", 1) for line in lines)["scores"] for lines in answers]
    assert found == ["[[0.5, 0.5]]", "[[0.25, 0.75], [0.75, 0.25], [0.5, 0.5]]"]

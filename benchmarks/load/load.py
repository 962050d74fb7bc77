"""Puts a pushed model under load, with a push and a rollback in the middle: `make bench-load`.

    python benchmarks/load/load.py runs/taxi/serving [--seconds 60] [--clients 4]

A server loop in this process serves a copy of the versions by the rules of TensorFlow Serving (`model_server.py`).
Clients in processes of their own ask the version `stable` for rows of test, one row in a request. After a third of the
time the model is pushed once more, and after two thirds that is rolled back. No request may fail, and each answer must
be the model's own.
"""

import argparse
import base64
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[0:0] = [str(ROOT)]
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from tensorflow_serving.apis import predict_pb2

from benchmarks.load.model_server import ModelServer
from core import storage
from core.spec import Spec
from models.serving import differences, model_versions, version_changes
from models.serving.served_model import ServedModel

ROWS = 500
TOLERANCE = 1e-6  # between batches of different sizes


@dataclasses.dataclass(frozen=True)
class Load:
    """The result.

    Attributes:
        phases: by name, the milliseconds of each request that was sent in it.
        errors: the errors of the requests that failed.
        versions: the versions that answered.
        largest: the largest difference of an answer from the model's own.
    """

    phases: dict[str, np.ndarray]
    errors: list[str]
    versions: list[int]
    largest: float


def main() -> None:
    """Runs the load and prints its table; the exit code is 1 where a request was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="a run's serving/")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the clients ask (default: 60)")
    parser.add_argument("--clients", type=int, default=4, help="the number of clients (default: 4)")
    arguments = parser.parse_args()
    found = run(arguments.model, arguments.seconds, arguments.clients)
    table = Table("", "requests", "per second", "p50 ms", "p99 ms", "largest ms", box=None)
    for name, times in found.phases.items():
        p50, p99 = np.quantile(times, [0.5, 0.99])
        rate = 3 * len(times) / arguments.seconds
        table.add_row(name, f"{len(times):,}", f"{rate:,.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{times.max():.0f}")
    Console().print(table)
    print(f"{len(found.errors)} errors; versions {found.versions} answered; largest difference {found.largest:.1e}")
    for error in found.errors[:5]:
        print(error)
    sys.exit(1 if found.errors or found.largest > TOLERANCE else 0)


def run(serving: pathlib.Path, seconds: float, clients: int) -> Load:
    """Puts a copy of the stable version under load.

    Args:
        serving: the folder of the versions.
        seconds: how long the clients ask.
        clients: the number of clients.
    """
    version = model_versions.find_version(serving)
    extra = {
        str(file.relative_to(version)): file.read_bytes()
        for file in sorted((version / "assets.extra").rglob("*"))
        if file.is_file()
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        base, model = folder / "serving", folder / "model"
        shutil.copytree(version, model, ignore=shutil.ignore_patterns("assets.extra"))
        model_versions.push(model, base, extra)
        requests, expected = _requests(version)
        (folder / "requests.json").write_text(json.dumps([base64.b64encode(one).decode() for one in requests]))
        with ModelServer(base) as server:
            began = time.monotonic()
            command = [sys.executable, "benchmarks/load/client.py", server.address, str(folder / "requests.json")]
            asking = [
                subprocess.Popen([*command, str(seconds)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
                for _ in range(clients)
            ]
            _wait(began + seconds / 3)
            model_versions.push(model, base, {**extra, "assets.extra/again": b""})
            pushed = time.monotonic()
            _wait(began + 2 * seconds / 3)
            version_changes.rollback(base)
            rolled_back = time.monotonic()
            results = [json.loads(client.communicate(timeout=seconds + 60)[0]) for client in asking]
    return _measured(results, expected, {"version 1": began, "a push": pushed, "a rollback": rolled_back})


def _wait(until: float) -> None:
    time.sleep(max(0.0, until - time.monotonic()))


def _requests(version: pathlib.Path) -> tuple[list[bytes], np.ndarray]:
    """Returns requests of one row each for `stable`, and the model's own predictions for them."""
    spec = Spec.from_json(storage.read_json(version / model_versions.METADATA_FILE)["spec"])
    (rows,) = pq.read_table(version / model_versions.REFERENCE_FILE).slice(0, ROWS).combine_chunks().to_batches()
    columns, _ = differences.requests(rows, spec)
    requests = []
    for row in range(rows.num_rows):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "model"
        request.model_spec.version_label = "stable"
        request.model_spec.signature_name = "predict"
        for name, values in columns.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values[row : row + 1]))
        requests.append(request.SerializeToString())
    return requests, differences.answers(ServedModel(str(version))(columns))


def _measured(results: Sequence[dict], expected: np.ndarray, phases: dict[str, float]) -> Load:
    sent = [one for result in results for one in result["sent"]]
    begins, times = (np.array([one[place] for one in sent]) for place in (0, 1))
    ends = [*list(phases.values())[1:], np.inf]
    found = {
        name: times[(begins >= begin) & (begins < end)] for (name, begin), end in zip(phases.items(), ends, strict=True)
    }
    answers = list(_answers(results))
    gaps = [
        np.abs(values - expected[place]).max() / max(1.0, np.abs(expected[place]).max()) for place, _, values in answers
    ]
    versions = sorted({version for _, version, _ in answers})
    return Load(found, [one[2] for one in sent if one[2]], versions, float(max(gaps)))


def _answers(results: Sequence[dict]) -> Iterator[tuple[int, int, np.ndarray]]:
    for result in results:
        for place, answer in result["answers"]:
            response = predict_pb2.PredictResponse.FromString(base64.b64decode(answer))
            outputs = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
            yield place, response.model_spec.version.value, differences.answers(outputs)[0]


if __name__ == "__main__":
    main()

"""Serves the versions of a model by gRPC in this process, by the rules of TensorFlow Serving.

Versions: `models.config` is polled. A version that it names is loaded and warmed up while the others go on answering;
labels move only to loaded versions; a version that is not named any more is let go when its last request is answered.
Batching: requests wait in a queue for each version, until a batch has `max_batch_size` rows or its first request has
waited `batch_timeout_micros`; a request is refused where `max_enqueued_batches` are full. These numbers are those of
`batching_parameters.txt`.

It is for measurements: it knows the call Predict alone, and TensorFlow Serving itself is written in C++.
"""

import concurrent.futures
import dataclasses
import pathlib
import queue
import re
import threading
import time
from typing import Any, Self

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc

from models.serving import model_versions, version_labels
from models.serving.served_model import ServedModel

_POLL_SECONDS = 0.2
_THREADS = 32

Columns = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Batching:
    """The parameters of batching, by the names of TensorFlow Serving."""

    max_batch_size: int
    batch_timeout_micros: int
    max_enqueued_batches: int

    @classmethod
    def read(cls, base: pathlib.Path) -> "Batching":
        """Reads the file beside the versions."""
        text = (base / version_labels.BATCHING_FILE).read_text(encoding="utf-8")
        return cls(**{name: int(value) for name, value in re.findall(r"^(\w+) \{ value: (\d+) \}", text, re.MULTILINE)})


class Version:
    """A loaded version, whose requests are answered in batches by a thread of its own."""

    def __init__(self, path: pathlib.Path, batching: Batching) -> None:
        """Loads the version, and answers the requests that it was pushed with to warm it up."""
        self.number, self._batching = int(path.name), batching
        self._model = ServedModel(str(path))
        warm_up = path / model_versions.WARM_UP_FILE
        records = tf.data.TFRecordDataset(str(warm_up)).as_numpy_iterator() if warm_up.exists() else ()
        for record in records:
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            if request.model_spec.signature_name == "predict":
                self._model(_columns(request))
        self._queue: queue.Queue[tuple[Columns, int, concurrent.futures.Future[Any]] | None] = queue.Queue(
            batching.max_enqueued_batches
        )
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def ask(self, columns: Columns) -> "concurrent.futures.Future[Columns]":
        """Returns the answer to come.

        Raises:
            queue.Full: too many requests wait.
            ValueError: the request has more rows than a batch.
        """
        rows = len(next(iter(columns.values())))
        if rows > self._batching.max_batch_size:
            raise ValueError(f"{rows} rows, and a batch has at most {self._batching.max_batch_size}")
        answer: concurrent.futures.Future[Columns] = concurrent.futures.Future()
        self._queue.put_nowait((columns, rows, answer))
        return answer

    def close(self) -> None:
        """Ends after the requests that wait."""
        self._queue.put(None)
        self._thread.join()

    def _answer(self) -> None:
        held = self._queue.get()
        while held is not None:
            batch, rows, until = [held], held[1], time.monotonic() + self._batching.batch_timeout_micros / 1e6
            held = None
            ended = False
            while rows < self._batching.max_batch_size:
                try:
                    following = self._queue.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
                if following is None:
                    ended = True
                    break
                if rows + following[1] > self._batching.max_batch_size:
                    held = following
                    break
                batch.append(following)
                rows += following[1]
            self._run(batch)
            if held is None and not ended:
                held = self._queue.get()

    def _run(self, batch: list[tuple[Columns, int, "concurrent.futures.Future[Columns]"]]) -> None:
        joined = {name: np.concatenate([columns[name] for columns, *_ in batch]) for name in self._model.inputs}
        try:
            outputs, start = self._model(joined), 0
        except Exception as error:  # the client gets it
            for *_, answer in batch:
                answer.set_exception(error)
            return
        for _, rows, answer in batch:
            answer.set_result({name: values[start : start + rows] for name, values in outputs.items()})
            start += rows


class ModelServer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Serves the versions below a folder on a free port of this machine.

    Attributes:
        address: where it answers.
        changes: the seconds since its start, and the loaded versions from then on.
    """

    def __init__(self, base: pathlib.Path) -> None:
        """Loads the versions that `models.config` names."""
        self._base, self._batching, self._began = base, Batching.read(base), time.monotonic()
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._versions: dict[int, Version] = {}
        self._labels: dict[str, int] = {}
        self.changes: list[tuple[float, list[int]]] = []
        self._poll()
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(_THREADS))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._poller = threading.Thread(target=self._keep_polling, daemon=True)

    def __enter__(self) -> Self:
        self._server.start()
        self._poller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.stop(5).wait()
        self._poller.join()
        for version in self._versions.values():
            version.close()

    def _keep_polling(self) -> None:
        while not self._closed.wait(_POLL_SECONDS):
            self._poll()

    def _poll(self) -> None:
        labels = model_versions.labels(self._base)
        wanted = labels.loaded()
        if wanted == sorted(self._versions) and self._labels.get("stable") == labels.stable:
            return
        new = {
            number: Version(self._base / str(number), self._batching)
            for number in wanted
            if number not in self._versions
        }
        with self._lock:
            old = {number: one for number, one in self._versions.items() if number not in wanted}
            self._versions = {number: one for number, one in {**self._versions, **new}.items() if number in wanted}
            named = {"stable": labels.stable, "canary": labels.canary}
            self._labels = {label: number for label, number in named.items() if number is not None}
        self.changes.append((time.monotonic() - self._began, wanted))
        for version in old.values():
            version.close()

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Answers a request to a version, to a label, or else to the newest loaded version."""
        columns = _columns(request)
        try:
            with self._lock:  # a version is let go after the requests that it has taken
                version = self._version(request.model_spec)
                answer = version.ask(columns)
        except KeyError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, f"There is no version {error}.")
        except queue.Full:
            context.abort(grpc.StatusCode.UNAVAILABLE, "The queue of batches is full.")
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        outputs = {name: tf.make_tensor_proto(values) for name, values in answer.result().items()}
        response = predict_pb2.PredictResponse(outputs=outputs)
        response.model_spec.version.value = version.number
        return response

    def _version(self, asked: Any) -> Version:
        if asked.version_label:
            return self._versions[self._labels[asked.version_label]]
        return self._versions[asked.version.value or max(self._versions)]


def _columns(request: predict_pb2.PredictRequest) -> Columns:
    return {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}

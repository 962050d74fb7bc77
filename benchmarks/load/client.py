"""Sends requests to a model server by gRPC for some time, as fast as they are answered, in a process of its own.

    python benchmarks/load/client.py ADDRESS REQUESTS SECONDS

REQUESTS is a JSON list of serialised PredictRequests in base64, which are sent in turn. The output is JSON: for each
request when it was sent, in seconds of the clock of the machine, how many milliseconds it took, and the error, if any;
and in base64 every tenth answer with the place of its request. The client needs gRPC alone, so it starts at once.
"""

import base64
import json
import pathlib
import sys
import time
from typing import Any

import grpc

METHOD = "/tensorflow.serving.PredictionService/Predict"
_KEPT = 10


def main(address: str, file: str, seconds: str) -> None:
    """Sends the requests and prints the results."""
    requests = [base64.b64decode(request) for request in json.loads(pathlib.Path(file).read_text(encoding="ascii"))]
    sent: list[list[Any]] = []
    answers = []
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(METHOD)
        until = time.monotonic() + float(seconds)
        while time.monotonic() < until:
            place, began, error = len(sent) % len(requests), time.monotonic(), ""
            try:
                answer = call(requests[place], timeout=10)
                if len(sent) % _KEPT == 0:
                    answers.append([place, base64.b64encode(answer).decode()])
            except grpc.RpcError as failed:
                error = f"{failed.code().name}: {failed.details()}"
            sent.append([began, 1000 * (time.monotonic() - began), error])
    print(json.dumps({"sent": sent, "answers": answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])

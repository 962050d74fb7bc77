"""Starts servers of object stores on localhost, and a proxy before them that counts bytes and cuts connections."""

import contextlib
import socket
import threading
import urllib.request
from collections.abc import Iterator

import pytest


class Proxy:
    """Passes TCP connections on to a port of localhost.

    Attributes:
        received: the bytes that the server has sent.
        breaks: how many of the next answers end after some bytes.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.received, self.breaks = 0, 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(1 << 16):
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError), server, client:
            while block := server.recv(1 << 16):
                self.received += len(block)
                if self.breaks and len(block) > 1_000:
                    self.breaks -= 1
                    client.sendall(block[:1_000])
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(block)


@contextlib.contextmanager
def s3_server() -> Iterator[int]:
    """Yields the port of an S3 server with the bucket `bucket`."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST"))
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/bucket", method="PUT"))
        yield port
    finally:
        server.stop()


@contextlib.contextmanager
def gcs_server() -> Iterator[int]:
    """Yields the port of a server of Google Cloud Storage with the bucket `bucket`."""
    from gcp_storage_emulator.server import create_server

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket")
    server.start()
    try:
        yield port
    finally:
        server.stop()


@contextlib.contextmanager
def store(scheme: str) -> Iterator[Proxy]:
    """Yields the proxy before a server, to which the environment points while the block runs."""
    with gcs_server() if scheme == "gs" else s3_server() as port, pytest.MonkeyPatch.context() as patch:
        proxy = Proxy(port)
        address = f"http://127.0.0.1:{proxy.port}"
        patch.setenv("STORAGE_EMULATOR_HOST" if scheme == "gs" else "AWS_ENDPOINT_URL", address)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "key")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield proxy
        proxy.close()

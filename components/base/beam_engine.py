"""Starts what the engine of the data stages needs before a run, and checks that its cluster can be reached."""

import contextlib
import re
import signal
import socket
import threading
import urllib.parse
from collections.abc import Iterator

import psutil
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.portability import flink_runner, prism_runner, spark_runner
from apache_beam.utils import subprocess_server

from components.base import beam_options
from core.config.deployment import Beam
from core.errors import UserError, WorkerLost
from core.text import clause

_SERVERS = {
    "flink": (flink_runner.FlinkJarJobServer, "flink_job_server_jar"),
    "spark": (spark_runner.SparkJarJobServer, "spark_job_server_jar"),
    "prism": (prism_runner.PrismJobServer, "prism_location"),
}
_ADDRESSES = ("job_endpoint", "flink_master", "spark_master_url")


@contextlib.contextmanager
def started(beam: Beam) -> Iterator[list[str]]:
    """Yields Beam's arguments; a job server runs in the block where the engine needs one and none is named.

    A stage runs in a thread, and there Beam could not start it: it sets signal handlers.

    Raises:
        UserError: the options are wrong, an address does not answer, or the job server does not start.
    """
    if beam.runner == "dataflow":
        raise UserError(
            "beam: the workers of Dataflow cannot read the folder of a local run. Compile the pipeline for Vertex AI "
            "by pipeline/run_kubeflow.py, with a pipeline root in a bucket."
        )
    made = beam_options.arguments(beam)
    pool = ("environment_config",) if beam.options.get("environment_type") == "EXTERNAL" else ()
    for name in (*_ADDRESSES, *pool):
        if address := _address(str(beam.options.get(name, ""))):
            _check(name, *address)
    if beam.runner not in _SERVERS or PipelineOptions(made).view_as(PortableOptions).job_endpoint:
        with _watched_workers():
            yield made
        return
    kind, location = _SERVERS[beam.runner]
    (port,) = subprocess_server.pick_port(None)
    server = kind(PipelineOptions([*made, f"--job_port={port}"]))
    try:
        server.start()
    except Exception as error:
        raise UserError(
            f"beam: the job server of {beam.runner} does not start: {clause(error)}. Give its file as the option "
            f"{location}, or the address of a running one as job_endpoint."
        ) from error
    try:
        yield [*made, f"--job_endpoint=localhost:{port}"]
    finally:
        server.stop()


@contextlib.contextmanager
def _watched_workers() -> Iterator[None]:
    """Raises WorkerLost in the main thread where a worker process of this machine is ended from outside.

    Beam raises an error in the thread that waits for the process, and the pipeline waits for its results for ever.
    """
    lost: list[str] = []

    def hook(arguments: threading.ExceptHookArgs) -> None:
        ended = re.fullmatch(r"Worker subprocess exited with return code (-?\d+)", str(arguments.exc_value))
        if ended and not 0 <= int(ended[1]) <= 128 and not lost:  # a signal, as the process or the shell around it says
            lost.append(ended[1])
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        hook_before(arguments)

    def stop_waiting(*_: object) -> None:
        for process in psutil.Process().children(recursive=True):  # on its way out, Beam waits for the other workers
            with contextlib.suppress(psutil.Error):
                if "apache_beam.runners.worker.sdk_worker_main" in " ".join(process.cmdline()):
                    process.kill()
        raise WorkerLost(
            f"A worker process of Beam was ended from outside, with code {lost[0]}; mostly it is the system that does "
            "so, when memory runs out. Set fewer `beam: {options: {direct_num_workers: ...}}` or a smaller `data: "
            "{memory: ...}`, and start the same command again: it continues after the last stage that has ended."
        )

    hook_before, threading.excepthook = threading.excepthook, hook
    handler_before = signal.signal(signal.SIGUSR1, stop_waiting)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, handler_before)
        threading.excepthook = hook_before


def _address(text: str) -> tuple[str, int] | None:
    """Returns the host and the port that an option names; None where it names none."""
    try:
        parsed = urllib.parse.urlsplit(text if "://" in text else f"//{text}")
        return (parsed.hostname, parsed.port) if parsed.hostname and parsed.port else None
    except ValueError:
        return None


def _check(option: str, host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=10).close()
    except OSError as error:
        raise UserError(
            f"beam: nothing answers at {host}:{port}, which the option {option} names: {clause(error)}. Start it, or "
            "correct the address."
        ) from None

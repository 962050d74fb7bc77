"""Starts and stops a small cluster on this machine: `make flink-up`, `make spark-up`, `make flink-down` ...

It is what a data centre has, on localhost alone: a master, two workers that can be lost one by one, and Beam's job
server, each in a process of its own. A process is found by a mark in its command, so nothing has to be remembered:
`up` starts what does not run, and `down` ends what does. The logs are in `.beam/ENGINE/logs/`.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import psutil

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKER = "environment/beam_worker.sh"
SECONDS = 90  # until all processes answer
# Java's modules that the start scripts of Flink and Spark open, for the serialisation of what a job consists of.
OPENED = "lang lang.invoke lang.reflect math net io nio text time util util.concurrent util.concurrent.atomic".split()
JAVA = [*(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENED)]
JAVA += [
    f"--add-opens=java.base/sun.{name}=ALL-UNNAMED" for name in ("nio.ch", "nio.cs", "security.action", "util.calendar")
]
JAVA += ["--add-exports=java.base/sun.net.util=ALL-UNNAMED"]


class Server(NamedTuple):
    """A process of a cluster.

    Attributes:
        name: of the process and its log.
        arguments: of Java.
        port: at which it answers; None where it takes any.
        ready: what its log says when it is ready, where it has no port of its own.
    """

    name: str
    arguments: Sequence[str]
    port: int | None = None
    ready: str = ""


class Cluster(NamedTuple):
    """A kind of cluster.

    Attributes:
        servers: its processes, in the order of their start.
        options: of Beam, with which the data stages run there.
    """

    servers: Sequence[Server]
    options: Mapping[str, str]


class ClusterError(Exception):
    """The cluster cannot be started; the message gives the reason and the remedy."""


def main(arguments: Sequence[str]) -> int:
    """Starts or stops a cluster: `ENGINE up` or `ENGINE down`; returns the exit code."""
    engine, action = arguments
    try:
        (up if action == "up" else down)(engine)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def flink() -> Cluster:
    """Returns Flink's processes: a job manager, two task managers and Beam's job server."""
    home = ROOT / "environment" / "flink"
    classes = f"{folder('flink') / 'dist' / 'lib'}/*:{jar('flink')}"
    flinks = [*JAVA, f"-Dlog4j.configurationFile={home / 'log4j.properties'}", "-cp", classes]
    where = ["--configDir", str(home)]
    master = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    registered = "Successful registration at resource manager"
    worker = [
        "-Xmx512m",
        "-XX:MaxDirectMemorySize=1g",
        *flinks,
        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        *where,
    ]
    return Cluster(
        [
            Server("job-manager", ["-Xmx512m", *flinks, master, *where], 8081),
            *(Server(f"task-manager-{number}", worker, ready=registered) for number in (1, 2)),
            job_server("flink", ["--flink-master", "localhost:8081"], 8099),
        ],
        {**beam_options(8099), "parallelism": "2"},
    )


def spark() -> Cluster:
    """Returns Spark's processes: a master, two workers and Beam's job server, in which the driver of a job runs.

    Each job gets an executor from each of the workers.
    """
    deploy = "org.apache.spark.deploy"
    sparks = ["-Xmx256m", *JAVA, "-cp", str(jar("spark"))]
    where = ["--host", "localhost"]
    place = [*where, "--webui-port", "0", "--cores", "1", "--memory", "1g", "--work-dir", str(folder("spark") / "work")]
    worker = [*sparks, f"{deploy}.worker.Worker", *place, "spark://localhost:7077"]
    master = [*sparks, f"{deploy}.master.Master", *where, "--port", "7077", "--webui-port", "8082"]
    driver = {"driver.host": "localhost", "driver.bindAddress": "localhost", "ui.enabled": "false"}
    settings = [f"-Dspark.{name}={value}" for name, value in driver.items()]
    return Cluster(
        [
            Server("master", master, 7077),
            *(Server(f"worker-{number}", worker, ready="Successfully registered with master") for number in (1, 2)),
            job_server("spark", ["--spark-master-url", "spark://localhost:7077"], 8199, settings),
        ],
        beam_options(8199),
    )


CLUSTERS: Mapping[str, Callable[[], Cluster]] = {"flink": flink, "spark": spark}


def job_server(engine: str, master: Sequence[str], port: int, settings: Sequence[str] = ()) -> Server:
    """Returns Beam's job server for a cluster; its two other ports are those before the given one."""
    ports = ["--job-port", str(port), "--artifact-port", str(port - 1), "--expansion-port", str(port - 2)]
    staged = ["--artifacts-dir", str(folder(engine) / "staged")]
    return Server("job-server", [*JAVA, *settings, "-jar", str(jar(engine)), *master, *ports, *staged], port)


def beam_options(port: int) -> Mapping[str, str]:
    """Returns the options for jobs by a job server of this machine, with workers that the cluster starts.

    The workers are kept for a minute, or the cluster would end them between two steps of a job.
    """
    command = f'{{"command": "{ROOT / WORKER}"}}'
    workers = {"environment_type": "PROCESS", "environment_config": command, "environment_cache_millis": "60000"}
    return {"job_endpoint": f"localhost:{port}", **workers}


def jar(engine: str) -> pathlib.Path:
    """Returns Beam's runner for a cluster with all that it needs, which is its job server too."""
    return folder(engine) / "jars" / "job-server.jar"


def folder(engine: str) -> pathlib.Path:
    """Returns the folder of a cluster's programs, state and logs."""
    return ROOT / ".beam" / engine


def mark(engine: str, server: str) -> str:
    """Returns the text in the command of a process by which it is found."""
    return f"-Dcluster={folder(engine)}/{server}"


def running(engine: str, server: str) -> list[psutil.Process]:
    """Returns the processes of a server; none or one."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        ended = process.info["status"] == psutil.STATUS_ZOMBIE
        if mark(engine, server) in (process.info["cmdline"] or ()) and not ended:
            found.append(process)
    return found


def up(engine: str) -> None:
    """Starts the processes that do not run, waits until they answer, and says how to use the cluster.

    Raises:
        ClusterError: Java is missing, a port is taken, or a process ends or does not answer.
    """
    cluster = CLUSTERS[engine]()
    found = {server.name: running(engine, server.name) for server in cluster.servers}
    missing = [server for server in cluster.servers if not found[server.name]]
    if not shutil.which("java"):
        raise ClusterError("Java is missing. Install Java 11 or 17 (Debian: openjdk-17-jdk-headless).")
    for server in missing:
        if server.port and answers(server.port):
            raise ClusterError(
                f"port {server.port} is taken by another program, and {server.name} of {engine} needs it. End that "
                "program, and start the cluster again."
            )
    found |= {server.name: [start(engine, server)] for server in missing}
    until = time.monotonic() + SECONDS
    for server in cluster.servers:
        wait(engine, server, found[server.name][0], until)
    print(f"{engine} runs on localhost; its logs are in {folder(engine) / 'logs'}. In the configuration:\n")
    print(configuration(engine, cluster))
    print(f"`make {engine}-down` ends it.")


def configuration(engine: str, cluster: Cluster) -> str:
    """Returns the lines of the configuration for a cluster."""
    lines = [f"    {name}: {repr(value) if '{' in value else value}\n" for name, value in cluster.options.items()]
    return f"beam:\n  runner: {engine}\n  options:\n{''.join(lines)}"


def start(engine: str, server: Server) -> psutil.Process:
    """Starts a process in the background, with its log, and returns it."""
    log = folder(engine) / "logs" / f"{server.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as written:
        started = subprocess.Popen(
            ["java", mark(engine, server.name), *server.arguments],
            cwd=ROOT,
            # By these Spark finds its programs for the executors, and listens on this machine alone.
            env={
                **os.environ,
                "SPARK_HOME": str(folder(engine)),
                "SPARK_SCALA_VERSION": "2.12",
                "SPARK_LOCAL_IP": "127.0.0.1",
            },
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # or it would end with the terminal
        )
    return psutil.Process(started.pid)


def wait(engine: str, server: Server, process: psutil.Process, until: float) -> None:
    """Waits until a process is ready."""
    log = folder(engine) / "logs" / f"{server.name}.log"
    while not has_ended(process):
        if answers(server.port) if server.port else server.ready in log.read_text(errors="replace"):
            return
        if time.monotonic() > until:
            raise ClusterError(f"{server.name} of {engine} is not ready after {SECONDS} s. See {log}.")
        time.sleep(0.5)
    raise ClusterError(f"{server.name} of {engine} has ended. The reason is in {log}.")


def has_ended(process: psutil.Process) -> bool:
    """Returns whether a process has ended. Its command does not tell: it is empty while Java starts itself again."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def answers(port: int) -> bool:
    """Returns whether a program listens at a port of this machine."""
    with socket.socket() as client:
        return client.connect_ex(("localhost", port)) == 0


def down(engine: str) -> None:
    """Ends all processes of a cluster, and the workers that they have started."""
    found = [process for server in reversed(CLUSTERS[engine]().servers) for process in running(engine, server.name)]
    workers = [child for process in found for child in process.children(recursive=True)]
    for process in [*found, *workers]:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs([*found, *workers], timeout=10)
    for process in alive:
        process.kill()
    print(f"{engine}: {len(found)} processes ended" if found else f"{engine} does not run")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

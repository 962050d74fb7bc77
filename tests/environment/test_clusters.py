"""A cluster on this machine. `tests/components/base/test_beam_engine.py` runs jobs on it."""

import socket

import pytest
import yaml

from core.config.deployment import Beam
from environment import clusters


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A cluster of one server, which needs a port that is free when the test starts."""
    monkeypatch.setattr(clusters, "ROOT", tmp_path)
    with socket.socket() as bound:
        bound.bind(("localhost", 0))
        port = bound.getsockname()[1]
    made = clusters.Cluster([clusters.Server("master", ["-version"], port)], clusters.beam_options(port))
    monkeypatch.setattr(clusters, "CLUSTERS", {"flink": lambda: made})
    return made


WITH_JAVA = pytest.mark.skipif(not clusters.shutil.which("java"), reason="Java is missing")


@WITH_JAVA
def test_a_taken_port_is_named(cluster, capsys):
    with socket.create_server(("localhost", cluster.servers[0].port)):
        assert clusters.main(["flink", "up"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: port {cluster.servers[0].port} is taken by another program, and master of flink")


def test_java_that_is_missing_is_named(cluster, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert clusters.main(["flink", "up"]) == 1
    assert capsys.readouterr().err.startswith("error: Java is missing.")


@WITH_JAVA
def test_a_process_that_ends_names_its_log(cluster, capsys, tmp_path):
    assert clusters.main(["flink", "up"]) == 1  # java -version ends at once
    log = tmp_path / ".beam" / "flink" / "logs" / "master.log"
    assert capsys.readouterr().err == f"error: master of flink has ended. The reason is in {log}.\n"
    assert "version" in log.read_text()


def test_what_is_printed_is_a_configuration():
    printed = yaml.safe_load(clusters.configuration("flink", clusters.flink()))
    beam = Beam(**printed["beam"])
    assert beam.runner == "flink"
    assert beam.options["environment_type"] == "PROCESS"
    assert yaml.safe_load(str(beam.options["environment_config"]))["command"].endswith("/environment/beam_worker.sh")


def test_a_cluster_that_does_not_run_is_down(cluster, capsys):
    assert clusters.main(["flink", "down"]) == 0
    assert capsys.readouterr().out == "flink does not run\n"

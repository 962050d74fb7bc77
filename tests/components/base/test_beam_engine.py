"""The data stages on portable engines: a job server, and workers in other processes.

`make prism` builds Prism, whose workers come from a worker pool; `make flink-up` starts a cluster of Flink, whose task
managers start them. Where an engine is not there, its tests are skipped.
"""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures

import numpy as np
import pytest
import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils, standard_artifacts

import ingest
from components.base import beam_engine
from components.evaluator.component import Evaluator
from components.example_gen import component as example_gen
from components.example_gen import driver
from components.schema_gen.component import SchemaGen
from components.statistics_gen.component import StatisticsGen
from components.transform import component as transform
from core import examples
from core.config.deployment import Beam
from core.config.sections import Data
from core.errors import UserError
from core.spec import Feature, Label, Spec
from environment import clusters
from environment.installed import ROOT
from tests.components import data_stages, served_models

PRISM = ROOT / ".prism_cache" / "prism"
SPEC = Spec(
    Label("late", "binary", "int", ("0", "1")),
    (Feature("age", "numeric", "int"), Feature("town", "categorical", "text")),
    preprocessing_fn="tests.components.users_functions.scaled_and_crossed",
)
ROWS = 3_000


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("localhost", 0))
        return int(bound.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("localhost", port)) == 0


@pytest.mark.parametrize(
    ("runner", "option", "rest"),
    [
        ("prism", "job_endpoint", {}),
        ("flink", "flink_master", {"environment_type": "DOCKER", "environment_config": "skewless"}),
        ("spark", "environment_config", {"environment_type": "EXTERNAL"}),
    ],
)
def test_an_address_that_does_not_answer_is_the_users_error(runner, option, rest):
    address = f"localhost:{free_port()}"
    beam = Beam(runner=runner, options={option: address, **rest})
    with (
        pytest.raises(UserError, match=f"^beam: nothing answers at {address}, which the option {option} names: "),
        beam_engine.started(beam),
    ):
        pass


def test_a_job_server_that_is_not_there_is_the_users_error(tmp_path):
    beam = Beam(runner="flink", options={"flink_job_server_jar": str(tmp_path / "server.jar")})
    with (
        pytest.raises(UserError, match=r"^beam: the job server of flink does not start: .* as the option flink_job"),
        beam_engine.started(beam),
    ):
        pass


def test_workers_of_dataflow_cannot_read_the_folder_of_a_local_run():
    with pytest.raises(UserError, match=r"run_kubeflow\.py"), beam_engine.started(Beam(runner="dataflow")):
        pass


LOST = """
import os, signal
import apache_beam as beam
from components.base import beam_engine
from core.config.deployment import Beam
from core.errors import WorkerLost

def end_this_process(_):
    os.kill(os.getpid(), signal.SIGKILL)

try:
    with beam_engine.started(Beam(options={"direct_num_workers": 2})) as arguments:
        with beam.Pipeline(argv=arguments) as pipeline:
            _ = pipeline | beam.Create([1, 2]) | beam.Map(end_this_process)
except WorkerLost as error:
    print(error, flush=True)
    os._exit(error.exit_code)
"""


@pytest.mark.slow
def test_a_lost_worker_process_ends_the_run():
    done = subprocess.run(
        [sys.executable, "-c", LOST], cwd=ROOT, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.stdout.startswith("A worker process of Beam was ended from outside, with code 137")
    assert done.returncode == 2


# One process for all jobs: Beam's own command starts one for each, which imports TensorFlow every time.
POOL = """
import signal, sys
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
pool = BeamFnExternalWorkerPoolServicer.start(port=int(sys.argv[1]))
signal.pause()
"""


@contextlib.contextmanager
def prism() -> Iterator[Beam]:
    """Yields the configuration for Prism, with a running worker pool."""
    if not PRISM.exists():
        pytest.skip("`make prism` has not built Prism")
    port = free_port()
    pool = subprocess.Popen([sys.executable, "-c", POOL, str(port)], cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while not answers(port):
            assert time.monotonic() < until, "the worker pool has not started"
            time.sleep(0.1)
        workers = {"environment_type": "EXTERNAL", "environment_config": f"localhost:{port}"}
        yield Beam(runner="prism", options={"prism_location": str(PRISM), **workers})
    finally:
        pool.terminate()
        pool.wait()


@contextlib.contextmanager
def cluster(engine: str) -> Iterator[Beam]:
    """Yields the configuration that `make flink-up` or `make spark-up` prints."""
    made = clusters.CLUSTERS[engine]()
    if not all(clusters.running(engine, server.name) for server in made.servers):
        pytest.skip(f"`make {engine}-up` has not started a cluster")
    yield Beam(runner=engine, options=dict(made.options))


ENGINES = {"prism": prism, "flink": lambda: cluster("flink"), "spark": lambda: cluster("spark")}


@pytest.fixture(scope="module", params=ENGINES.values(), ids=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Beam]:
    with request.param() as beam:
        yield beam


def write_table(file: pathlib.Path, count: int) -> None:
    """Writes rows in which `late` depends on `age`."""
    generator = np.random.default_rng(0)
    ages, towns = generator.integers(18, 90, count), generator.choice(["Bern", "Rome", "Oslo"], count)
    late = generator.random(count) < ages / 100
    lines = [f"{age},{town},{int(value)}" for age, town, value in zip(ages, towns, late, strict=True)]
    file.write_text("\n".join(["age,town,late", *lines]) + "\n")


def run_example_gen(folder: pathlib.Path, file: pathlib.Path, beam: list[str]) -> types.Artifact:
    """Returns the Examples of a file."""
    made = data_stages.artifact(standard_artifacts.Examples, folder / "examples")
    source = ingest.discover(Data(files=(str(file),)))
    properties = {"source": source.to_json(), "spec": SPEC.to_json(), "split": "{}", "slice_columns": "[]"}
    properties[driver.FILES_KEY] = json.dumps(source.files)
    data_stages.run(example_gen.Executor, {}, {"examples": made}, beam, **properties)
    return made


def row_groups(made: types.Artifact) -> dict[str, list[examples.RowGroup]]:
    """Returns the row groups of each split."""
    return {
        split: examples.row_groups(artifact_utils.get_split_uri([made], split)) for split in ("train", "eval", "test")
    }


def rows(made: types.Artifact) -> dict[str, list[list[dict[str, object]]]]:
    """Returns the rows of each row group of each split, in the order of the files."""
    return {split: [examples.read(group).to_pylist() for group in found] for split, found in row_groups(made).items()}


def run_stages(folder: pathlib.Path, file: pathlib.Path, beam: list[str]) -> dict[str, object]:
    """Runs the data stages over a file; returns what they found."""
    made = run_example_gen(folder, file, beam)
    statistics = data_stages.artifact(standard_artifacts.ExampleStatistics, folder / "statistics")
    spec = {"spec": SPEC.to_json()}
    data_stages.run(
        StatisticsGen, {"examples": made}, {"statistics": statistics}, beam, statistics_options="{}", **spec
    )
    schema = data_stages.artifact(standard_artifacts.Schema, folder / "schema")
    data_stages.run(SchemaGen, {"statistics": statistics}, {"schema": schema}, **spec)
    graph = data_stages.artifact(standard_artifacts.TransformGraph, folder / "graph")
    inputs = {"examples": made, "statistics": statistics, "schema": schema}
    data_stages.run(transform.Transform, inputs, {"transform_graph": graph}, beam, **spec)
    formula = served_models.save(
        folder / "model" / "Format-Serving",
        lambda columns: tf.sigmoid(columns["age"] / 20 - 2),
        {"age": tf.float64, "town": tf.string},
        SPEC.label.classes,
    )
    model = data_stages.artifact(standard_artifacts.Model, pathlib.Path(formula).parent)
    outputs = {
        "evaluation": data_stages.artifact(standard_artifacts.ModelEvaluation, folder / "evaluation"),
        "blessing": data_stages.artifact(standard_artifacts.ModelBlessing, folder / "blessing"),
    }
    evaluated, _ = data_stages.run(
        Evaluator, {"examples": made, "model": model}, outputs, beam, evaluate='{"slices": [["town"]]}', **spec
    )
    groups = row_groups(made)
    return {
        "rows": rows(made),
        "statistics": {split: data_stages.read_statistics(statistics, split) for split in groups},
        "schema": pathlib.Path(schema.uri, "schema.pbtxt").read_text(),
        "transformed": transform.sample(graph.uri, groups["train"]),
        "metrics": json.loads(evaluated.get_string_custom_property("report"))["summary"]["metrics"]["test"],
    }


@pytest.mark.slow
def test_the_data_stages_find_the_same_on_a_portable_engine(tmp_path, engine, monkeypatch):
    monkeypatch.setattr(example_gen, "_UNIT_BYTES", 10_000)  # several units, so that there is something to divide
    write_table(tmp_path / "data.csv", ROWS)

    local = run_stages(tmp_path / "local", tmp_path / "data.csv", data_stages.BEAM)
    with beam_engine.started(engine) as arguments:
        portable = run_stages(tmp_path / "portable", tmp_path / "data.csv", arguments)
    (port,) = re.findall(r"--job_endpoint=localhost:(\d+)", " ".join(arguments))

    assert answers(int(port)) == ("job_endpoint" in engine.options), "its own job server has ended with the block"
    assert sum(len(group) for groups in local["rows"].values() for group in groups) == ROWS
    assert portable["rows"] == local["rows"]
    assert portable["schema"] == local["schema"]
    assert portable["metrics"] == pytest.approx(local["metrics"])
    for name, values in local["transformed"].items():
        np.testing.assert_allclose(portable["transformed"][name], values, rtol=1e-6)
    for split, expected in local["statistics"].items():
        for ours, theirs in zip(
            portable["statistics"][split].datasets[0].features, expected.datasets[0].features, strict=True
        ):
            assert (ours.path, ours.type) == (theirs.path, theirs.type)
            assert ours.string_stats.rank_histogram == theirs.string_stats.rank_histogram
            assert ours.num_stats.mean == pytest.approx(theirs.num_stats.mean)
            assert ours.num_stats.std_dev == pytest.approx(theirs.num_stats.std_dev)
            assert ours.num_stats.median == pytest.approx(theirs.num_stats.median, rel=0.02)


@pytest.mark.slow
def test_an_error_of_a_worker_on_a_portable_engine_is_the_users_error(tmp_path, engine):
    columns = {"age": "int", "town": "text", "late": "int", "weight": "float"}
    rows = {"age": [1, 2], "town": ["a", "b"], "late": [0, 1], "weight": [1.0, None]}
    made = data_stages.write_examples(tmp_path / "examples", columns, {"train": rows})
    statistics = {"statistics": data_stages.artifact(standard_artifacts.ExampleStatistics, tmp_path / "statistics")}
    properties = {"spec": Spec(SPEC.label, SPEC.features, weight="weight").to_json(), "statistics_options": "{}"}
    with (
        pytest.raises(UserError, match=r"^Weight column 'weight' is missing in 1 of 2 rows"),
        beam_engine.started(engine) as arguments,
    ):
        data_stages.run(StatisticsGen, {"examples": made}, statistics, arguments, **properties)


# For each cluster: the server that is lost, the log that says so, and what that says.
LOST_SERVERS = [
    ("flink", "task-manager-1", "job-manager", "to RESTARTING"),
    ("spark", "worker-1", "job-server", "Lost executor"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "server", "log", "told"), LOST_SERVERS, ids=["flink", "spark"])
def test_a_lost_server_of_a_cluster_changes_no_row(tmp_path, monkeypatch, name, server, log, told):
    monkeypatch.setattr(example_gen, "_UNIT_BYTES", 10_000)  # a hundred units, so that the work lasts some seconds
    write_table(tmp_path / "data.csv", 100_000)
    file = clusters.folder(name) / "logs" / f"{log}.log"
    with cluster(name) as beam, beam_engine.started(beam) as arguments, futures.ThreadPoolExecutor(1) as pool:
        losses = file.read_text().count(told)
        portable = pool.submit(run_example_gen, tmp_path / name, tmp_path / "data.csv", arguments)
        while not any(tmp_path.glob(f"{name}/examples/Split-train/*")):
            assert not portable.done(), portable.result()
            time.sleep(0.05)
        for lost in clusters.running(name, server):
            for process in [lost, *lost.children(recursive=True)]:
                process.kill()
        try:
            found = rows(portable.result())
        finally:
            clusters.up(name)
        assert file.read_text().count(told) > losses
    assert found == rows(run_example_gen(tmp_path / "local", tmp_path / "data.csv", data_stages.BEAM))

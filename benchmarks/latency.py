"""Measures what a request costs beside the bare model, on Chicago taxi trips: `make bench-latency`.

    python benchmarks/latency.py [--out FOLDER]

Each model is called in this process, from numpy arrays to numpy arrays. `predict` takes the columns of the table, and
the bare model, a compiled function of the Keras model, takes the inputs that the transform graph has made of them.
Beside them is the model of TFX's taxi template (`stock_tfx/taxi.py`): its only signature takes tf.Examples, so
ours is measured with them too.
"""

import argparse
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[0:0] = [str(ROOT)]
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pyarrow as pa
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from core import examples, storage
from core.config.sections import Train
from core.spec import Spec
from models import families
from models.preprocessing.transform_graph import TransformGraph
from models.serving import differences, export, model_versions
from models.serving.served_model import ServedModel
from models.trained import Predict
from models.training import dataset, ensemble
from models.training.ensemble import Member

MODELS = (("linear",), ("trees",), ("tabm",), ("trees", "tabm"))
SIZES = (1, 1024)
SECONDS = 1.5  # of each measurement
MOST_RATIO = {1: 2.0, 1024: 1.5}
MOST_MS = {1: 3.0, 1024: 60.0}


@dataclasses.dataclass(frozen=True)
class Latency:
    """Milliseconds of the median request of one size."""

    predict: float
    bare: float
    examples: float


def main() -> None:
    """Measures the models and prints the table; the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, metavar="FOLDER", help="keep both pipelines here")
    arguments = parser.parse_args()
    table = Table("model", "rows", "predict ms", "bare ms", "ratio", "tf.Examples ms", "template ms", "", box=None)
    missed = False
    with tempfile.TemporaryDirectory() as temporary:
        folder, kept = pathlib.Path(temporary), (arguments.out or pathlib.Path(temporary)).absolute()
        stock = stock_latency(kept / "stock")
        spec, graph, rows = transformed(kept / "run")
        for names in MODELS:
            for size, found in measured(folder, names, spec, graph, rows).items():
                good = found.predict <= MOST_MS[size] and found.predict <= MOST_RATIO[size] * found.bare
                missed |= not good
                numbers = (found.predict, found.bare, found.predict / found.bare, found.examples, stock[size])
                shown = [f"{number:.2f}" for number in numbers]
                table.add_row(" + ".join(names), f"{size:,}", *shown, "ok" if good else "missed")
    Console().print(table)
    limits = ", ".join(f"{MOST_RATIO[size]:g} times and {MOST_MS[size]:g} ms for {size:,}" for size in SIZES)
    print(f"goals: {limits} rows; tf.Examples faster than the template")
    sys.exit(int(missed))


def transformed(folder: pathlib.Path) -> tuple[Spec, TransformGraph, pathlib.Path]:
    """Runs the pipeline with a linear model; returns its spec, its transform graph and the folder of its Examples."""
    command = [sys.executable, "pipeline/run_local.py", "--out", str(folder), "--quiet"]
    settings = ["--set", "model.family=linear", "--set", "tune.trials=0"]
    subprocess.run([*command, *settings], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    version = model_versions.find_version(folder / "serving")
    spec = Spec.from_json(storage.read_json(version / model_versions.METADATA_FILE)["spec"])
    graph, rows = (
        max(folder.glob(f"artifacts/{name}/*"), key=lambda path: int(path.name))
        for name in ("Transform/transform_graph", "ExampleGen/examples")
    )
    return spec, TransformGraph(str(graph), spec), rows


def measured(
    folder: pathlib.Path, names: Sequence[str], spec: Spec, graph: TransformGraph, rows: pathlib.Path
) -> dict[int, Latency]:
    """Trains the families of a model with their defaults, exports their mean, and measures requests by their size."""
    train, watched = (dataset.load(str(rows / f"Split-{split}"), graph) for split in ("train", "eval"))
    members = []
    for name in names:
        family = families.FAMILIES[name]
        trained = family.fit(spec, graph.inputs, family.defaults(), train, watched, Train(epochs=2))
        members.append(Member(name, 1 / len(names), trained.hyperparameters, trained))
    predictor = ensemble.combine(members, graph.inputs)
    path = folder / "-".join(names)
    export.save(str(path), spec, graph, predictor)
    served, bare = ServedModel(str(path)), Predict(predictor)
    raw = examples.read(examples.row_groups(str(rows / "Split-eval"))[0], graph.columns)
    return {size: _latency(served, bare, graph, raw.slice(0, size)) for size in SIZES}


def _latency(served: ServedModel, bare: Predict, graph: TransformGraph, rows: pa.RecordBatch) -> Latency:
    columns, serialized = differences.requests(rows, graph.spec)
    inputs = graph(rows)
    return Latency(
        predict=median_ms(lambda: served(columns)),
        bare=median_ms(lambda: bare(inputs)),
        examples=median_ms(lambda: served.call("serving_default", {"examples": serialized})),
    )


def stock_latency(folder: pathlib.Path) -> dict[int, float]:
    """Returns the milliseconds of requests to the template's model by their size; it is trained unless it is there."""
    if not any(folder.glob("serving/*")):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "benchmarks/stock_tfx/taxi.py", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (version,) = folder.glob("serving/*")
    model = tf.saved_model.load(str(version))
    function = model.signatures["serving_default"]
    split = next(folder.glob("artifacts/CsvExampleGen/examples/*/Split-eval"))
    records = tf.data.TFRecordDataset([str(file) for file in split.glob("*")], "GZIP")
    serialized = np.array([_without_label(record) for record in records.take(max(SIZES)).as_numpy_iterator()], object)

    def answer(size: int) -> np.ndarray:
        (output,) = function(tf.constant(serialized[:size])).values()
        return np.asarray(output.numpy())

    return {size: median_ms(lambda size=size: answer(size)) for size in SIZES}


def _without_label(record: bytes) -> bytes:
    example = tf.train.Example.FromString(record)
    example.features.feature.pop("tips", None)
    return bytes(example.SerializeToString())


def median_ms(call: Callable[[], object]) -> float:
    """Returns the milliseconds of the median call, after some to warm up."""
    times: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < SECONDS or len(times) < 20:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[len(times) // 10 :]))


if __name__ == "__main__":
    main()

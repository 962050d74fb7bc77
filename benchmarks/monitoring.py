"""Checks what `monitor.py` finds and costs, on requests of 327,346 flights: `make bench-monitor`.

    python benchmarks/monitoring.py [--out FOLDER]

A model is trained on half of the flights, and requests are drawn from the other half, which has the same distribution.
Without a change, at most 1 report in 20 may have an alarm. Each change of one feature must be found with 10,000
requests: a number shifted by half its standard deviation, the share of a category doubled, 5 % newly missing. Where
features shift but the label depends on them as before, the AUC that is estimated without labels must be close to the
true one. A log of 1,000,000 requests must be read within 60 s and 1 GB.
"""

import argparse
import datetime
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[0:0] = [str(ROOT)]
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import duckdb
import flights
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score
from tensorflow_serving.apis import prediction_log_pb2

from models.serving import model_versions
from pipeline.monitoring import reference, watch
from pipeline.monitoring.report import Report
from pipeline.monitoring.scorer import Scorer
from pipeline.prediction.prediction_table import PredictionTable

LABEL = "late"
ROWS = 10_000
QUIET = 20  # reports on unchanged data
LOGGED = 1_000_000
DISTINCT = 20_011  # of the logged requests; a log repeats them, and monitor.py, which reads every tenth, sees them all


def main() -> None:
    """Runs the checks and prints their results; the exit code is 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, metavar="FOLDER", help="keep the model and the requests here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.out or pathlib.Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        held = prepared(folder)
        checks = [*quiet(folder, held), *shifted(folder, held), *covariate_shift(folder, held), *costs(folder, held)]
    table = Table("check", "found", "goal", "", box=None)
    for name, found, goal, passed in checks:
        table.add_row(name, found, goal, "ok" if passed else "missed")
    Console().print(table)
    sys.exit(0 if all(passed for *_, passed in checks) else 1)


Check = tuple[str, str, str, bool]


def prepared(folder: pathlib.Path) -> pa.Table:
    """Trains the model on half of the flights, and returns the other half in random order."""
    source = flights.table()
    connection = duckdb.connect()
    for name, part in (("train", 0), ("held", 1)):
        if not (folder / f"{name}.parquet").exists():
            query = f"FROM '{source}' AS f WHERE hash(f::VARCHAR) % 2 = {part} ORDER BY hash(f::VARCHAR || 'x')"
            connection.execute(f"COPY ({query}) TO '{folder / name}.parquet'")
    command = [sys.executable, "pipeline/run_local.py", "--data", str(folder / "train.parquet"), "--label", LABEL]
    command += ["--out", str(folder / "run"), "--set", "model.family=trees", "--set", "tune.trials=0", "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return pq.read_table(folder / "held.parquet")


def report(folder: pathlib.Path, requests: pa.Table) -> Report:
    """Returns the report on some requests."""
    file = folder / "requests.parquet"
    pq.write_table(requests.drop_columns([LABEL]), file)
    return watch.watch(watch.Request(model=str(folder / "run" / "serving"), requests=(str(file),)))


def quiet(folder: pathlib.Path, held: pa.Table) -> Iterator[Check]:
    """Counts the reports with an alarm on requests that did not change, without any request twice while they last."""
    random, alarms = np.random.default_rng(1), []
    for turn in range(QUIET):
        start = turn * ROWS
        if start + ROWS > held.num_rows:
            chosen = random.choice(held.num_rows, ROWS, replace=False)
            found = report(folder, held.take(pa.array(chosen)))
        else:
            found = report(folder, held.slice(start, ROWS))
        alarms += [found.alarms()] if found.alarms() else []
    for one in alarms:
        print("false alarm:", *one, sep="\n  ", file=sys.stderr)
    yield f"{QUIET} reports on unchanged data", f"{len(alarms)} with an alarm", "at most 1", len(alarms) <= 1


def shifted(folder: pathlib.Path, held: pa.Table) -> Iterator[Check]:
    """Changes one feature after the other, and counts for which of them the report says so."""
    trained = reference.read(_version(folder))
    kinds = {
        name: {column.feature.name for column in trained.columns if column.feature.kind == name}
        for name in ("numeric", "categorical")
    }
    # Where train itself has few values, 5 % of those that are left are a handful of rows.
    every = {column.feature.name for column in trained.columns if column.train.missing < 0.5}
    changes = {
        "half a standard deviation more": (kinds["numeric"], _shift),
        "twice the share of a category": (kinds["categorical"], _double),
        "5 % newly missing": (every, _miss),
    }
    for number, (what, (names, change)) in enumerate(changes.items()):
        random, missed, count = np.random.default_rng(2 + number), [], 0
        for name in sorted(names):
            table = held.take(pa.array(random.choice(held.num_rows, ROWS, replace=False)))
            changed = change(table, name, random)
            if changed is None:
                continue
            count += 1
            print(f"{what}: {name}", file=sys.stderr)
            (verdict,) = (one for one in report(folder, changed).features if one.drift.name == name)
            missed += [] if verdict.reasons else [name]
        text = f"{count - len(missed)} of {count}" + (f", not {', '.join(missed)}" if missed else "")
        yield f"{what}, in one feature", text, "all found", not missed


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def _shift(table: pa.Table, name: str, random: np.random.Generator) -> pa.Table:
    column = table.column(name).combine_chunks()
    values = column.to_numpy(zero_copy_only=False).astype(float)
    moved = values + 0.5 * np.nanstd(values)
    moved = np.round(moved) if pa.types.is_integer(column.type) else moved
    return _replaced(table, name, pa.array(moved, from_pandas=True).cast(column.type))


def _double(table: pa.Table, name: str, random: np.random.Generator) -> pa.Table | None:
    """Doubles the share of the most frequent category that at most 40 % of the rows have."""
    counted = table.column(name).combine_chunks().drop_null().value_counts().to_pylist()
    possible = [one for one in counted if 0.01 * table.num_rows <= one["counts"] <= 0.4 * table.num_rows]
    if not possible:
        return None
    chosen = max(possible, key=lambda one: one["counts"])
    values = table.column(name).to_pylist()
    others = np.array([place for place, value in enumerate(values) if value != chosen["values"]])
    for place in random.choice(others, chosen["counts"], replace=False):
        values[place] = chosen["values"]
    return _replaced(table, name, pa.array(values, table.schema.field(name).type))


def _miss(table: pa.Table, name: str, random: np.random.Generator) -> pa.Table:
    column = table.column(name).combine_chunks()
    known = pa.array(random.random(table.num_rows) >= 0.05)
    return _replaced(table, name, pa.compute.if_else(known, column, pa.scalar(None, column.type)))


def covariate_shift(folder: pathlib.Path, held: pa.Table) -> Iterator[Check]:
    """Compares the estimated AUC with the true one of all flights with the same weights."""
    truth = np.asarray(held.column(LABEL))
    with PredictionTable(reference.read(_version(folder)).training, [str(folder / "held.parquet")], []) as table:
        batches = [batch.features for batch in table.batches()]
    scorer = Scorer(str(_version(folder)), reference.read(_version(folder)).training.spec)
    scores = np.concatenate([scorer(batch)[:, 1] for batch in batches])
    for number, (name, strength) in enumerate((("distance", 1.0), ("hour", 0.7), ("humid", 1.0), ("hour", -0.7))):
        values = held.column(name).to_numpy(zero_copy_only=False).astype(float)
        score = np.nan_to_num((values - np.nanmean(values)) / np.nanstd(values))
        weights = np.exp(np.clip(strength * score, -3, 3))
        random = np.random.default_rng(10 + number)
        chosen = random.choice(held.num_rows, ROWS, p=weights / weights.sum(), replace=True)
        found = report(folder, held.take(pa.array(chosen)))
        estimate = found.parts["estimated_quality"].values["auc"]
        true = float(roc_auc_score(truth, scores, sample_weight=weights))
        error = estimate - true
        text = f"{estimate:.4f}, true {true:.4f}: {error:+.4f}"
        yield f"estimated AUC, {name} shifted by {strength:+g}", text, "within 0.02", abs(error) <= 0.02


def costs(folder: pathlib.Path, held: pa.Table) -> Iterator[Check]:
    """Reads the log and a table of a million requests in separate processes."""
    times = -(-LOGGED // held.num_rows)
    table = folder / "million.parquet"
    pq.write_table(pa.concat_tables([held.drop_columns([LABEL])] * times).slice(0, LOGGED), table)
    for name, file in (("log", logged(folder, held)), ("table", table)):
        began = time.monotonic()
        command = [sys.executable, "pipeline/monitor.py", "--model", str(_version(folder)), "--requests", str(file)]
        memory = peak_memory(command)
        seconds = time.monotonic() - began
        text = f"{seconds:.1f} s, {memory:,.0f} MB"
        yield f"{name} of 1,000,000 requests", text, "60 s, 1,000 MB", seconds <= 60 and memory <= 1000


def peak_memory(command: list[str]) -> float:
    """Runs a command; returns the most memory that it had, in MB, with the pages of mapped files of libraries."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    status, most = pathlib.Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii", errors="replace"))
        most = max(most, int(found.group(1)) if found else 0)
        time.sleep(0.02)
    return most * 1024 / 1e6


def logged(folder: pathlib.Path, held: pa.Table) -> pathlib.Path:
    """Writes the log as TensorFlow Serving does: a PredictionLog for each request, over a day."""
    file = folder / "million.log"
    trained = reference.read(_version(folder)).training
    scorer = Scorer(str(_version(folder)), trained.spec)
    pq.write_table(held.slice(0, DISTINCT).drop_columns([LABEL]), folder / "distinct.parquet")
    with PredictionTable(trained, [str(folder / "distinct.parquet")], []) as table:
        rows = [batch.features for batch in table.batches()]
    logs = [log for batch in rows for log in _logs(scorer, batch)]
    began = int(datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC).timestamp())
    with tf.io.TFRecordWriter(str(file)) as writer:
        for number in range(LOGGED):
            log = logs[number % len(logs)]
            log.log_metadata.timestamp_secs = began + number * 86_400 // LOGGED
            writer.write(log.SerializeToString())
    return file


def _logs(scorer: Scorer, batch: pa.RecordBatch) -> Iterator[prediction_log_pb2.PredictionLog]:
    from models.serving import differences

    columns, _ = differences.requests(batch, scorer.spec)
    scores = scorer(batch)
    for row in range(batch.num_rows):
        log = prediction_log_pb2.PredictionLog()
        request = log.predict_log.request
        request.model_spec.signature_name = "predict"
        for name, values in columns.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values[row : row + 1]))
        log.predict_log.response.outputs["scores"].CopyFrom(tf.make_tensor_proto(scores[row : row + 1], tf.float32))
        yield log


def _version(folder: pathlib.Path) -> pathlib.Path:
    return model_versions.find_version(folder / "run" / "serving")


if __name__ == "__main__":
    main()

"""Compares the models of whole runs with other libraries at their defaults, on real tables: `make bench-quality`.

    python benchmarks/quality.py [TABLE ...] [--set KEY=VALUE ...] [--autogluon PYTHON]

All models are trained and evaluated on the same rows and columns: a run's roles and splits. The other libraries train
on the rows of train and eval together, of which a run takes eval to choose. XGBoost and LightGBM are those of
`make extras`; AutoGluon, which searches as long as the run took, is that of the Python interpreter that is named. An
error is 1 - AUC of a binary label, the log loss of more classes and the RMSE of a regression; a ratio below 1 says that
this project's error is smaller. The 1 - AUC of a model that ranks nearly all rows right is taken as 0.001, since the
few test rows say no more.

What was found is kept in benchmarks/data/quality/results, so that a benchmark that was stopped goes on where it was: a
run until the code or the settings change, another library until its rows do.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import rivals
import tables
import yaml
from rich.console import Console
from rich.table import Table

from core import digests, storage
from core.spec import Task
from models.evaluation import metrics

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "benchmarks" / "data" / "quality"
_EXTRAS = ROOT / ".venv-extras" / "bin" / "python"
_OF_EXTRAS = ("XGBoost", "LightGBM")
_SEARCHES = "AutoGluon"
_FOUR = ("HistGradientBoosting", "XGBoost", "LightGBM", "CatBoost")
_CODE = ("core", "ingest", "models", "components", "pipeline")
_LEAST = 1e-3
_WIDTH = 110  # of the table, also where the output is a file


def main() -> None:
    """Runs the benchmark and prints its table."""
    names = [table.name for table in tables.TABLES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", help=f"the tables (default: all): {', '.join(names)}")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the runs")
    parser.add_argument("--autogluon", metavar="PYTHON", help="an interpreter that has AutoGluon")
    arguments = parser.parse_args()
    if strange := sorted(set(arguments.tables) - set(names)):
        parser.error(f"there is no table {strange[0]!r}; there are {', '.join(names)}")
    interpreters = _interpreters(arguments.autogluon)
    found = {}
    for table in tables.TABLES:
        if table.name in (arguments.tables or names):
            found[table.name] = result = compared(table, arguments.set, interpreters)
            print(*_row(table.name, result, interpreters), file=sys.stderr, flush=True)
    _show(found, list(interpreters))


def _interpreters(autogluon: str | None) -> dict[str, str]:
    """Returns the interpreter of each library that there is, and says which one there is not."""
    found = dict.fromkeys(rivals.FITS, sys.executable)
    for name in _OF_EXTRAS:
        found[name] = str(_EXTRAS)
        if not _EXTRAS.exists():
            del found[name]
            print(f"{name} is left out: `make extras` installs it.", file=sys.stderr)
    if autogluon:
        return found | {_SEARCHES: autogluon}
    print(f"{_SEARCHES} is left out: name an interpreter that has it with --autogluon.", file=sys.stderr)
    del found[_SEARCHES]
    return found


def compared(table: tables.QualityTable, changed: list[str], interpreters: Mapping[str, str]) -> dict[str, Any]:
    """Returns what is known of a table: the error and seconds of a run, and those of the other libraries."""
    folder = DATA / "results" / table.name
    file = str(folder / "result.json")
    known = storage.read_json(file)
    sources = sorted(path for package in _CODE for path in (ROOT / package).rglob("*.py"))
    key = digests.of_values(changed, [digests.of_file(path) for path in sources])
    if known.get("key") != key:
        known = {**_run(table, changed, folder, known), "key": key}
        storage.write_json(file, known)
    for name, interpreter in interpreters.items():
        if name not in known["rivals"] and (measured := _rival(name, interpreter, folder, known)):
            known["rivals"][name] = measured
            storage.write_json(file, known)
    return known


def _run(table: tables.QualityTable, changed: list[str], folder: pathlib.Path, known: dict[str, Any]) -> dict[str, Any]:
    """Runs the pipeline on a table, and writes the rows for the other libraries into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        run = pathlib.Path(place, "run")
        query = [f"data.query={tables.TAXI_QUERY}"] if table.name == "taxi" else []
        options = [part for value in [*query, *changed] for part in ("--set", value)]
        command = [sys.executable, "pipeline/run_local.py", "--data", tables.path(table, DATA), "--label", table.label]
        begun = time.monotonic()
        # A model that is not better than the linear one ends with 3, and has metrics all the same.
        done = subprocess.run([*command, "--out", str(run), *options], cwd=ROOT, capture_output=True, text=True)
        seconds = time.monotonic() - begun
        if done.returncode not in (0, 3):
            raise SystemExit(f"The run on {table.name} failed:\n{done.stdout}{done.stderr}")
        config = yaml.safe_load((run / "config.yaml").read_text())
        task, summary = config["task"], json.loads((run / "summary.json").read_text())
        rows, train = _rows(run, config, table.label)
        digest = write_rows(folder, task, rows, train)
        same = known.get("rivals", {}) if known.get("rows") == digest else {}
        return {
            "error": _error(task, summary["metrics"]["test"]),
            "seconds": seconds,
            "members": {member["family"]: member["weight"] for member in summary["model"]["members"]},
            "rows": digest,
            "rivals": {name: one for name, one in same.items() if name != _SEARCHES},
        }


def write_rows(folder: pathlib.Path, task: Task, rows: pd.DataFrame, train: int) -> str:
    """Writes the rows, of which so many are to train on, and returns their digest. See rivals.py."""
    rows.to_parquet(folder / "rows.parquet")
    storage.write_json(str(folder / "rows.json"), {"task": task, "train": train})
    return digests.of_values(*(digests.of_file(folder / name) for name in ("rows.parquet", "rows.json")))


def _rival(name: str, interpreter: str, folder: pathlib.Path, known: Mapping[str, Any]) -> dict[str, float] | None:
    """Returns the error and the seconds of another library; None where it failed."""
    rows = storage.read_json(str(folder / "rows.json"))
    command = [interpreter, str(ROOT / "benchmarks" / "rivals.py"), name, str(folder), str(known["seconds"])]
    # Threads that spin while they wait take many times as long beside other processes.
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        print(f"{name} failed on {folder.name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    labels = parquet.read_table(folder / "rows.parquet", columns=[rivals.LABEL])[rivals.LABEL].to_numpy()
    predictions = np.load(folder / "predictions.npy")
    found = metrics.compute(rows["task"], labels[rows["train"] :], predictions)
    return {"error": _error(rows["task"], found), "seconds": float(done.stdout.split()[-1])}


def _error(task: Task, found: Mapping[str, float]) -> float:
    value = found[metrics.PRIMARY[task].name]
    return max(1 - value, _LEAST) if task == "binary" else value


def _rows(run: pathlib.Path, config: dict, label: str) -> tuple[pd.DataFrame, int]:
    """Returns the columns and labels of train, eval and test, and the number of rows of the first two."""
    (folder,) = run.glob("artifacts/ExampleGen/examples/*")
    frames = [
        parquet.read_table(folder / f"Split-{name}").to_pandas().map(_scalar) for name in ("train", "eval", "test")
    ]
    rows = pd.concat(frames, ignore_index=True)
    if config["task"] == "regression":
        labels = rows[label].to_numpy(np.float64)
    else:
        labels = np.array([config["classes"].index(str(value)) for value in rows[label]])
    columns = {}
    for name, feature in config["features"].items():
        if feature["kind"] in ("categorical", "text"):
            columns[name] = rows[name].fillna("").astype(str).astype("category")
        elif feature["kind"] != "ignore":
            columns[name] = pd.to_numeric(rows[name]).astype(float)
    return pd.DataFrame({**columns, rivals.LABEL: labels}), len(rows) - len(frames[2])


def _scalar(values: Sequence[object] | None) -> object:
    value = None if values is None or not len(values) else values[0]
    return value.decode() if isinstance(value, bytes) else value


def _ratio(result: Mapping[str, Any], names: Sequence[str]) -> float | None:
    """Returns the error of the run in that of the best of some libraries; None where one of them has none."""
    if any(name not in result["rivals"] for name in names):
        return None
    return float(result["error"] / min(result["rivals"][name]["error"] for name in names))


def _row(title: str, result: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    ratios = [_ratio(result, [name]) for name in names]
    seconds = [result["seconds"], *(result["rivals"].get(name, {}).get("seconds", np.nan) for name in names)]
    shown = ["failed" if ratio is None else f"{ratio:.3f}" for ratio in ratios]
    return [title, f"{result['error']:.4g}", *shown, " ".join(f"{second:.0f}" for second in seconds)]


def _show(found: Mapping[str, dict[str, Any]], names: Sequence[str]) -> None:
    """Prints the table, and the lines that sum it up with their goals."""
    shown = Table("", "error", *names, "seconds", title="Error on test, and its ratio to", box=None)
    for title, result in found.items():
        shown.add_row(*_row(title, result, names))
    console = Console()
    Console(width=max(console.width, _WIDTH)).print(shown)
    for name, goal in {"HistGradientBoosting": "9 of 10", "CatBoost": "2 of 3"}.items():
        ratios = _ratios(found, [name])
        print(f"not worse than {name} on {sum(ratio <= 1 for ratio in ratios)} of {len(ratios)} (goal: {goal})")
    four = [name for name in _FOUR if name in names]
    for title, compared_with, goal in (
        *((name, [name], "") for name in four),
        (f"the best of these {len(four)}", four, " (goal: at most 1.00)"),
        *((name, [name], " (goal: at most 1.02)") for name in names if name == _SEARCHES),
    ):
        ratios = _ratios(found, compared_with)
        if ratios:
            print(f"geometric mean of the ratios to {title}: {np.exp(np.mean(np.log(ratios))):.3f}{goal}")


def _ratios(found: Mapping[str, dict[str, Any]], names: Sequence[str]) -> list[float]:
    ratios = (_ratio(result, names) for result in found.values())
    return [ratio for ratio in ratios if ratio is not None]


if __name__ == "__main__":
    main()

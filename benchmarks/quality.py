"""Compares the models of whole runs with HistGradientBoosting and CatBoost at their defaults: `make bench-quality`.

    python benchmarks/quality.py [TABLE ...] [--set KEY=VALUE ...]

All models are trained and evaluated on the same rows and columns: a run's roles and splits. The other libraries train
on the rows of train and eval together, of which a run takes eval to choose. An error is 1 - AUC of a binary label, the
log loss of more classes and the RMSE of a regression; a ratio below 1 says that this project's error is smaller. The
1 - AUC of a model that ranks nearly all rows right is taken as 0.001, since the few test rows say no more.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import catboost
import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import tables
import yaml
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from core.spec import Task
from models.evaluation import metrics

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "benchmarks" / "data" / "quality"
_CATEGORIES = 254  # the most that HistGradientBoosting takes
_LEAST = 1e-3
Fit = Callable[[Task, pd.DataFrame, np.ndarray], Callable[[pd.DataFrame], np.ndarray]]


def main() -> None:
    """Runs the benchmark and prints its table."""
    names = [table.name for table in tables.TABLES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", help=f"the tables (default: all): {', '.join(names)}")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the runs")
    arguments = parser.parse_args()
    if strange := sorted(set(arguments.tables) - set(names)):
        parser.error(f"there is no table {strange[0]!r}; there are {', '.join(names)}")
    found = Table("", "error", *RIVALS, "seconds", title="Error on test, and its ratio to", box=None)
    ratios = []
    for table in tables.TABLES:
        if table.name in (arguments.tables or names):
            error, others, seconds = compared(table, arguments.set)
            ratios.append([error / other for other in others])
            row = [f"{error / other:.3f}" for other in others]
            found.add_row(table.name, f"{error:.4g}", *row, " ".join(f"{second:.0f}" for second in seconds))
            print(table.name, f"{error:.4g}", *row, file=sys.stderr, flush=True)
    columns = np.array(ratios).T
    found.add_row("mean", "", *(f"{np.exp(np.mean(np.log(column))):.3f}" for column in columns))
    found.add_row("not worse", "", *(f"{np.sum(column <= 1)} of {len(column)}" for column in columns))
    Console().print(found)


def compared(table: tables.QualityTable, changed: list[str]) -> tuple[float, list[float], list[float]]:
    """Returns the error of a run, those of the other libraries, and the seconds of all."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder, "run")
        query = [f"data.query={tables.TAXI_QUERY}"] if table.name == "taxi" else []
        options = [part for value in [*query, *changed] for part in ("--set", value)]
        command = [sys.executable, "pipeline/run_local.py", "--data", tables.path(table, DATA), "--label", table.label]
        begun = time.monotonic()
        # A model that is not better than the linear one ends with 3, and has metrics all the same.
        done = subprocess.run([*command, "--out", str(run), *options], cwd=ROOT, capture_output=True, text=True)
        seconds = [time.monotonic() - begun]
        if done.returncode not in (0, 3):
            raise SystemExit(f"The run on {table.name} failed:\n{done.stdout}{done.stderr}")
        config = yaml.safe_load((run / "config.yaml").read_text())
        task = config["task"]
        primary = metrics.PRIMARY[task].name
        error = _error(task, json.loads((run / "summary.json").read_text())["metrics"]["test"][primary])
        train, labels, test, expected = _splits(run, config, table.label)
        others = []
        for fit in RIVALS.values():
            begun = time.monotonic()
            predictions = fit(task, train, labels)(test)
            others.append(_error(task, metrics.compute(task, expected, predictions)[primary]))
            seconds.append(time.monotonic() - begun)
        return error, others, seconds


def _error(task: Task, value: float) -> float:
    return max(1 - value, _LEAST) if task == "binary" else value


def _splits(run: pathlib.Path, config: dict, label: str) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame, np.ndarray]:
    """Returns the columns and labels of train and eval, and of test."""
    (folder,) = run.glob("artifacts/ExampleGen/examples/*")
    frames = [
        parquet.read_table(folder / f"Split-{name}").to_pandas().map(_scalar) for name in ("train", "eval", "test")
    ]
    rows = pd.concat(frames, ignore_index=True)
    if config["task"] == "regression":
        labels = rows[label].to_numpy(np.float64)
    else:
        labels = np.array([config["classes"].index(str(value)) for value in rows[label]])
    kinds = {name: feature["kind"] for name, feature in config["features"].items()}
    columns = {}
    for name, kind in kinds.items():
        if kind in ("categorical", "text"):
            columns[name] = rows[name].fillna("").astype(str).astype("category")
        elif kind != "ignore":
            columns[name] = pd.to_numeric(rows[name]).astype(float)
    frame, test = pd.DataFrame(columns), len(rows) - len(frames[2])
    return frame[:test], labels[:test], frame[test:], labels[test:]


def _scalar(values: Sequence[object] | None) -> object:
    value = None if values is None or not len(values) else values[0]
    return value.decode() if isinstance(value, bytes) else value


def _hist_gradient_boosting(
    task: Task, train: pd.DataFrame, labels: np.ndarray
) -> Callable[[pd.DataFrame], np.ndarray]:
    names = train.select_dtypes("category").columns
    most = {name: train[name].value_counts().index[:_CATEGORIES].tolist() for name in names}

    def frequent(frame: pd.DataFrame) -> pd.DataFrame:
        """Returns the frame with rare categories as missing."""
        return frame.assign(**{name: frame[name].cat.set_categories(values) for name, values in most.items()})

    made = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = made(random_state=0, categorical_features="from_dtype").fit(frequent(train), labels)
    return lambda frame: (model.predict if task == "regression" else model.predict_proba)(frequent(frame))


def _catboost(task: Task, train: pd.DataFrame, labels: np.ndarray) -> Callable[[pd.DataFrame], np.ndarray]:
    made = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    model = made(random_seed=0, verbose=False, allow_writing_files=False)
    model.fit(train, labels, cat_features=list(train.select_dtypes("category").columns))
    return lambda frame: (model.predict if task == "regression" else model.predict_proba)(frame)


RIVALS: dict[str, Fit] = {"HistGradientBoosting": _hist_gradient_boosting, "CatBoost": _catboost}


if __name__ == "__main__":
    main()

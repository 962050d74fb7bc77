"""Builds `summary.json` from the reports of the stages, and prints it at the end of a run."""

import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from core.serving_costs import ServingCosts
from pipeline.graph import STAGES
from pipeline.run import display
from pipeline.run.history import History
from pipeline.run.run_folder import RunFolder

PACKAGES = ("tensorflow", "keras", "tfx", "tensorflow-transform", "apache-beam", "duckdb")
BASELINES = ("champion", "linear", "constant")
TITLES = {
    "pushed": ("Pushed", "bold green"),
    "up_to_date": ("Up to date", "bold green"),
    "partial": ("Ended at the given stage", "bold green"),
    "not_blessed": ("Not pushed", "bold yellow"),
    "invalid_data": ("Stopped: the data did not pass", "bold yellow"),
    "failed": ("Failed", "bold red"),
}


def build(
    name: str,
    run_id: str,
    status: str,
    seconds: float,
    features: int,
    stages: Sequence[Mapping[str, Any]],
    history: History,
) -> dict[str, Any]:
    """Returns the summary of a run.

    Args:
        name: the run's name.
        run_id: the time at which it began.
        status: how it ended.
        seconds: how long it took.
        features: the number of columns that the model sees.
        stages: name, state and seconds of each stage.
        history: the executions with the reports of the stages; stages that did not end add nothing.
    """
    summary: dict[str, Any] = {
        "name": name,
        "run_id": run_id,
        "status": status,
        "seconds": round(seconds, 2),
        "stages": list(stages),
        "data": {"rows": {}, "rejects": 0, "features": features},
        "model": {
            "family": None,
            "members": [],
            "hyperparameters": {},
            "parameters": None,
            "trials": None,
            "search": {},
        },
        "metrics": {"eval": {}, "test": {}},
        "baselines": {},
        "gates": [],
        "serving": dict.fromkeys(("path", "version", "max_abs_difference", *dict(ServingCosts.texts()))),
    }
    ended = {stage["name"] for stage in stages if stage["state"] in ("ran", "cached")}
    for stage in STAGES:
        if stage.in_summary and stage.name in ended:
            for execution in history.executions(stage.name, most=1):
                _merge(summary, execution.report.get("summary", {}))
    return {**summary, "environment": environment()}


def _merge(summary: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Adds a stage's part to the summary: mappings are merged, lists are joined."""
    for key, value in part.items():
        before = summary.get(key)
        if isinstance(before, dict) and isinstance(value, Mapping):
            _merge(before, value)
        else:
            summary[key] = [*before, *value] if isinstance(before, list) else value


def environment() -> dict[str, Any]:
    """Returns the Python version, the platform and the versions of the main packages."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "gpus": _gpus(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def _gpus() -> int:
    """Returns the number of GPUs, or 0 where the run ended before TensorFlow was imported."""
    tensorflow = sys.modules.get("tensorflow")
    return len(tensorflow.config.list_physical_devices("GPU")) if tensorflow else 0


def show(console: Console, summary: Mapping[str, Any], folder: RunFolder, data: Sequence[str] = ()) -> None:
    """Prints the verdict, the metrics beside those of the baselines, the failed gates, and the next commands."""
    title, style = TITLES[summary["status"]]
    version = summary["serving"]["version"]
    where = f" version {version} to {_short(summary['serving']['path'])}" if version else ""
    console.print()
    seconds = f"  in {summary['seconds']:.1f} s"
    console.print(Text.assemble((title, style), f" {summary['name']}", where, (seconds, "dim")))
    if summary["metrics"]["test"]:
        console.print()
        console.print(display.table(*_metrics(summary)))
    failed = [gate for gate in summary["gates"] if not gate["passed"]]
    for gate in failed:
        console.print(Text.assemble(("✗ ", "red"), f"{gate['name']}: {gate['why']}"))
    console.print()
    if summary.get("gpu"):
        console.print(Text.assemble((f"{'gpu':<11}", "dim"), summary["gpu"]["sentence"]), soft_wrap=True)
    for what, command in [("look", shlex.quote(_short(folder.report))), *(_next(folder, data) if version else ())]:
        console.print(Text.assemble((f"{what:<11}", "dim"), command), soft_wrap=True)


def _metrics(summary: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    test = summary["metrics"]["test"]
    baselines = ((name, summary["baselines"].get(name)) for name in (*BASELINES, *summary.get("challengers", ())))
    rows = [("this model", test), *((name, values) for name, values in baselines if values)]
    names = list(test)
    return ["on test", *names], [[name, *_figures(values, names)] for name, values in rows]


def _figures(values: Mapping[str, float | None], names: Iterable[str]) -> list[str]:
    return ["" if (value := values.get(name)) is None else f"{value:.4f}" for name in names]


def _short(path: str | Path) -> str:
    """Returns a path relative to the current folder where it is below it."""
    path = Path(path)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _mounted(path: Path) -> str:
    """Returns a path as the source of a Docker volume, which must be absolute."""
    short = _short(path)
    return shlex.quote(short) if Path(short).is_absolute() else f'"$PWD"/{shlex.quote(short)}'


def _next(folder: RunFolder, data: Sequence[str]) -> list[tuple[str, str]]:
    serving = shlex.quote(_short(folder.serving))
    files = " ".join(shlex.quote(file) for file in data)
    return [
        ("curves", f"tensorboard --logdir {shlex.quote(_short(folder.tensorboard))}"),
        ("predict", f"python pipeline/predict.py --model {serving} --data {files} --to predictions.parquet"),
        (
            "serve",
            f"docker run --rm -p 127.0.0.1:8501:8501 -v {_mounted(folder.serving)}:/models/"
            f"{folder.path.name} -e MODEL_NAME={folder.path.name} tensorflow/serving",
        ),
    ]

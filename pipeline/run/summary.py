"""What a run found, as `summary.json` has it and as it is printed at the end."""

import os
import platform
import shlex
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pipeline.run import display
from pipeline.run.fingerprints import NAMES
from pipeline.run.history import History
from pipeline.run.run_folder import RunFolder

PACKAGES = ("tensorflow", "keras", "tfx", "tensorflow-transform", "apache-beam", "duckdb")
BASELINES = ("blessed", "linear", "constant")
TITLES = {
    "pushed": ("Pushed", "bold green"),
    "up_to_date": ("Up to date", "bold green"),
    "partial": ("Done as far as asked", "bold green"),
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
        run_id: which run it was.
        status: how it ended.
        seconds: how long it took.
        features: how many columns the model sees.
        stages: what happened to each stage: name, state and seconds.
        history: where the stages' reports are; what a stage that did not end would say is left out.
    """
    ended = {stage["name"] for stage in stages if stage["state"] in ("ran", "cached")}
    reports: dict[str, dict[str, Any]] = {name: {} for name in NAMES}
    for stage in ended:
        execution = next(iter(history.executions(stage, most=1)), None)
        reports[stage] = execution.report if execution else {}
    trainer, evaluator, server = reports["Trainer"], reports["Evaluator"], reports["ServingValidator"]
    examples, pusher = reports["ExampleGen"], reports["Pusher"]
    return {
        "name": name,
        "run_id": run_id,
        "status": status,
        "seconds": round(seconds, 2),
        "stages": list(stages),
        "data": {
            "rows": examples.get("rows", {}),
            "rejects": examples.get("rejects", 0),
            "features": features,
        },
        "model": {
            "family": trainer.get("family"),
            "hyperparameters": trainer.get("hyperparameters", {}),
            "parameters": trainer.get("parameters"),
            "trials": reports["Tuner"].get("trials"),
        },
        "metrics": {
            "eval": trainer.get("metrics", {}).get("eval", {}),
            "test": evaluator.get("metrics", {}).get("test", {}),
        },
        "baselines": evaluator.get("baselines", {}),
        "gates": [*evaluator.get("gates", []), *server.get("gates", [])],
        "serving": {
            "path": pusher.get("path"),
            "version": pusher.get("version"),
            "max_abs_difference": server.get("max_abs_difference"),
            "p50_ms": server.get("p50_ms"),
        },
        "environment": environment(),
    }


def environment() -> dict[str, Any]:
    """Returns what the run ran on."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def show(console: Console, summary: Mapping[str, Any], folder: RunFolder, data: Sequence[str] = ()) -> None:
    """Prints the verdict, the metrics beside the baselines, the gates that failed, and what to type next."""
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
    if version:
        console.print()
        for what, command in _next(folder, data):
            console.print(Text.assemble((f"{what:<11}", "dim"), command), soft_wrap=True)


def _metrics(summary: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    test = summary["metrics"]["test"]
    baselines = ((name, summary["baselines"].get(name)) for name in BASELINES)
    rows = [("this model", test), *((name, values) for name, values in baselines if values)]
    names = list(test)
    return ["on test", *names], [[name, *_figures(values, names)] for name, values in rows]


def _figures(values: Mapping[str, float | None], names: Iterable[str]) -> list[str]:
    return ["" if (value := values.get(name)) is None else f"{value:.4f}" for name in names]


def _short(path: str | Path) -> str:
    """Returns a path as it is shorter to type: relative where it lies below the current folder."""
    path = Path(path)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _mounted(path: Path) -> str:
    """Returns a path as Docker wants it for a volume: absolute."""
    short = _short(path)
    return shlex.quote(short) if Path(short).is_absolute() else f'"$PWD"/{shlex.quote(short)}'


def _next(folder: RunFolder, data: Sequence[str]) -> list[tuple[str, str]]:
    serving = shlex.quote(_short(folder.serving))
    files = " ".join(shlex.quote(file) for file in data)
    return [
        ("look", f"tensorboard --logdir {shlex.quote(_short(folder.tensorboard))}"),
        ("predict", f"python pipeline/predict.py --model {serving} --data {files} --to predictions.parquet"),
        (
            "serve",
            f"docker run --rm -p 127.0.0.1:8501:8501 -v {_mounted(folder.serving)}:/models/"
            f"{folder.path.name} -e MODEL_NAME={folder.path.name} tensorflow/serving",
        ),
    ]

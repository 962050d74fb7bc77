"""Logs a run to MLflow: parameters, metrics, losses, report and the pushed model.

MLflow is imported where it is used.
"""

import contextlib
import logging
import os
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from core import storage
from core.config.review import Track
from core.errors import UserError, first_cause
from pipeline.config import extras
from pipeline.reporting.run_record import RunRecord
from pipeline.run import fingerprints
from pipeline.run.run_folder import RunFolder

_MODEL_CODE = pathlib.Path(__file__).with_name("mlflow_model.py")
_REQUEST = pathlib.Path("assets.extra", "clients", "request.json")
_LONGEST = 500  # characters of the value of a parameter
# MLflow would try for minutes to reach a server, and reports its use to its makers.
_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def check(track: Track) -> None:
    """Checks, before a run starts, that MLflow is installed and its server answers; does nothing without one.

    Raises:
        UserError: it is not installed, or the server does not answer.
    """
    if not track.mlflow:
        return
    extras.check("mlflow", "mlflow", f"track.mlflow is {track.mlflow}")
    try:
        _client(track.mlflow).search_experiments(max_results=1)
    except Exception as error:
        raise UserError(
            f"track.mlflow: the server {track.mlflow} does not answer as one of MLflow ({first_cause(error)}). Start "
            "it, correct the address, or leave track.mlflow out. Nothing was run."
        ) from None


def after_run(folder: RunFolder, summary: Mapping[str, Any], track: Track) -> str | None:
    """Logs a run that has ended; returns the address of what was logged, or None without a server.

    Raises:
        UserError: it could not be logged. What was pushed stays as it is.
    """
    if not track.mlflow:
        return None
    try:
        return _log(RunRecord.of(folder, summary), track.mlflow)
    except Exception as error:
        logging.exception("The run could not be logged to MLflow.")
        raise UserError(
            f"The run was not logged to MLflow at {track.mlflow}: {first_cause(error)}. Its result is not affected. "
            "The stack trace is in the log."
        ) from None


def _log(record: RunRecord, uri: str) -> str:
    import mlflow

    summary, client = record.summary, _client(uri)
    found = client.get_experiment_by_name(summary["name"])
    experiment = found.experiment_id if found else client.create_experiment(summary["name"])
    run = client.create_run(experiment, tags={"status": summary["status"]}, run_name=summary["run_id"]).info.run_id
    ended = "KILLED"
    try:
        client.log_batch(run, params=_parameters(record), metrics=_metrics(record))
        for file in (record.folder.report, record.folder.model_card, record.folder.summary, record.folder.config):
            if file.exists():
                client.log_artifact(run, str(file))
        if summary.get("serving", {}).get("version"):
            with _fluent(mlflow, uri, run):
                _log_model(mlflow, record.folder.serving / str(summary["serving"]["version"]))
        ended = "FAILED" if summary["status"] == "failed" else "FINISHED"
    finally:
        client.set_terminated(run, ended)
    return f"{uri.rstrip('/')}/#/experiments/{experiment}/runs/{run}"


def _client(uri: str) -> Any:
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    import mlflow

    return mlflow.MlflowClient(uri)


@contextlib.contextmanager
def _fluent(mlflow: Any, uri: str, run: str) -> Iterator[None]:
    """Makes a run the active one, which MLflow's functions for models log to."""
    mlflow.set_tracking_uri(uri)
    with mlflow.start_run(run_id=run):
        yield


def _log_model(mlflow: Any, version: pathlib.Path) -> None:
    """Logs the SavedModel with a row as example, from whose predictions MLflow takes the signature."""
    import pandas as pd
    import tensorflow as tf

    (row,) = storage.read_json(version / _REQUEST)["instances"]
    mlflow.pyfunc.log_model(
        name="model",
        python_model=str(_MODEL_CODE),
        artifacts={"saved_model": str(version)},
        input_example=pd.DataFrame([row]),
        pip_requirements=[f"{name}=={module.__version__}" for name, module in (("tensorflow", tf), ("pandas", pd))],
    )


def _parameters(record: RunRecord) -> list[Any]:
    """Returns what decided the run: the resolved configuration, and the model that the search found."""
    from mlflow.entities import Param

    model = record.summary.get("model", {})
    found = {"family": model.get("family"), **model.get("hyperparameters", {})}
    values = fingerprints.flatten({**record.config, "found": found})
    return [Param(_key(name), str(value)[:_LONGEST]) for name, value in values.items()]


def _metrics(record: RunRecord) -> list[Any]:
    """Returns the metrics of all models, the losses of each epoch, and the seconds of each stage."""
    from mlflow.entities import Metric

    summary, now = record.summary, int(time.time() * 1000)
    values = {
        **summary.get("metrics", {}),
        "test_of": summary.get("baselines", {}),
        "seconds": {stage["name"]: stage["seconds"] for stage in summary.get("stages", ())},
        "p50_ms": summary.get("serving", {}).get("p50_ms"),
    }
    flat = {name: value for name, value in fingerprints.flatten(values).items() if isinstance(value, int | float)}
    losses = record.report("Trainer").get("history", {})
    return [
        *(Metric(_key(name), float(value), now, 0) for name, value in flat.items()),
        *(
            Metric(f"training.{_key(name)}", float(value), now, epoch)
            for name, values in losses.items()
            for epoch, value in enumerate(values, 1)
        ),
    ]


def _key(name: str) -> str:
    """Returns a name as MLflow takes it."""
    return "".join(sign if sign.isalnum() or sign in "_-./ " else "_" for sign in name)[:250]

"""Writes what TensorBoard shows of a run: each model in the order in which it was made, with the same tags.

    1-search/trial-0         each trial: losses and metrics after each epoch, hyperparameters
    2-training-ID            the final model: the same
    3-challengers-ID/NAME    each estimator of another library: metrics on eval, parameters
    4-test-ID/MODEL          each model on test: metrics, curves, confusion matrix, hyperparameters, embeddings

ID is the one of the artifact. TensorFlow is imported where something is written.
"""

import collections
import contextlib
import logging
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from core.spec import Label
from models.evaluation import challengers, curves, metrics, stored_predictions
from models.evaluation.model_comparison import ModelPredictions
from pipeline.reporting.run_record import RunRecord
from pipeline.reporting.tensorboard import projector
from pipeline.run.run_folder import SEARCH_LOGS, RunFolder

_COPIED = {"Trainer": "2-training", "Challengers": "3-challengers"}
_TEST = "4-test"
_ROC = "step: the false positive rate in per cent; value: the true positive rate"
_CALIBRATION = "step: the mean score of a tenth of the rows in per cent; value: the share of the class among them"


def after_run(folder: RunFolder, summary: Mapping[str, Any]) -> None:
    """Writes the runs of a run that has ended. An error is logged, and does not change the result of the run."""
    try:
        write(RunRecord.of(folder, summary))
    except Exception:
        logging.exception("The runs of TensorBoard could not be written.")


def write(record: RunRecord) -> None:
    """Writes the runs of the newest results; those that are there already stay as they are."""
    for stage, name in _COPIED.items():
        for artifact in record.executions[stage].outputs if stage in record.executions else ():
            _copy(pathlib.Path(artifact.uri), record.folder.tensorboard / f"{name}-{artifact.id}")
    _trials(record)
    _tested(record)


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    for events in source.rglob("events.out.tfevents.*"):
        copy = target / events.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(events, copy)


@contextlib.contextmanager
def _run(folder: pathlib.Path, mark: str) -> Iterator[bool]:
    """Opens a run for writing; yields whether it is new, which a file with this mark in its name decides."""
    import tensorflow as tf

    if any(folder.glob(f"events*.{mark}")):
        yield False
        return
    with tf.summary.create_file_writer(str(folder), filename_suffix=f".{mark}").as_default(step=0):
        yield True


def _trials(record: RunRecord) -> None:
    """Writes hyperparameters and score of each trial, beside its losses."""
    import tensorflow as tf

    report, artifact = record.report("Tuner"), _id(record, "Tuner")
    numbers: collections.Counter[str] = collections.Counter()
    for trial in report.get("trials") or ():
        family = trial["hyperparameters"].get("family")  # where several families are searched, each counts its own
        name = f"{family}-trial" if family else "trial"
        folder = _trial_folder(record.folder.tensorboard / SEARCH_LOGS, name, numbers[name])
        numbers[name] += 1
        with _run(folder, f"tuner-{artifact}") as new:
            if new and trial["score"] is not None:
                _hyperparameters(folder.name, f"{artifact}-{folder.name}", trial["hyperparameters"])
                tf.summary.scalar(f"eval/{report['metric']}", trial["score"])


def _trial_folder(search: pathlib.Path, name: str, number: int) -> pathlib.Path:
    """Returns the folder of a trial's losses, whose number may have leading zeros; a new one where there are none."""
    digits = ((folder, folder.name.removeprefix(f"{name}-")) for folder in search.glob(f"{name}-*"))
    by_number = {int(text): folder for folder, text in digits if text.isdecimal()}
    return by_number.get(number, search / f"{name}-{number}")


def _tested(record: RunRecord) -> None:
    """Writes the metrics and curves of each model on test."""
    import tensorflow as tf

    folder, values = record.predictions, record.parameters("Evaluator")
    if folder is None or "spec.label.task" not in values:
        return
    task = values["spec.label.task"]
    label = Label(record.label, task, values["spec.label.payload"], tuple(values["spec.label.classes"]))
    rows, artifact = _predictions(record, folder), _id(record, "Evaluator")
    for name, predictions in rows.by_model.items():
        with _run(record.folder.tensorboard / f"{_TEST}-{artifact}" / name, "test") as new:
            if not new or not np.isfinite(predictions).all():
                continue
            _hyperparameters(name, f"{artifact}-{name}", _about(record, name))
            for metric, value in metrics.compute(task, rows.labels, predictions, rows.weights).items():
                tf.summary.scalar(f"test/{metric}", value)
            _curves(label, rows, predictions)
            if name == "candidate":
                projector.write(record, record.folder.tensorboard / f"{_TEST}-{artifact}" / name)


def _predictions(record: RunRecord, folder: pathlib.Path) -> ModelPredictions:
    names = pq.read_schema(next(folder.glob("*.parquet"))).names
    models = [name for name in ("candidate", "champion", "linear", "constant") if name in names]
    found = stored_predictions.load(folder, models)
    others = challengers.predictions(record.uri("Challengers", "challengers") or folder)
    return ModelPredictions(found.labels, found.weights, {**found.by_model, **others})


def _about(record: RunRecord, name: str) -> dict[str, Any]:
    """Returns what a model is: family or estimator, and hyperparameters."""
    if name == "candidate":
        model = record.summary.get("model", {})
        return {"family": model.get("family"), **model.get("hyperparameters", {})}
    challenger = record.summary.get("challengers", {}).get(name)
    if challenger:
        return {"family": challenger["estimator"], **challenger["parameters"]}
    return {"family": name}


def _hyperparameters(name: str, identity: str, values: Mapping[str, Any]) -> None:
    from tensorboard.plugins.hparams import api

    plain = {key: value if isinstance(value, bool | int | float | str) else str(value) for key, value in values.items()}
    api.hparams({"model": name, **plain}, trial_id=identity)


def _curves(label: Label, rows: ModelPredictions, predictions: np.ndarray) -> None:
    import tensorflow as tf

    found = curves.of(label, rows.labels, predictions, rows.weights)
    if label.task == "regression":
        tf.summary.histogram("test/residuals", predictions - rows.labels)
        for decile in found["deciles"]:
            tf.summary.scalar("curves/mean_by_prediction", decile["true"], step=round(decile["predicted"]))
        return
    tf.summary.text("test/confusion", _markdown(found["confusion"]))
    for bucket in found["calibration"]:
        tf.summary.scalar(
            "curves/calibration", bucket["share"], step=round(100 * bucket["score"]), description=_CALIBRATION
        )
    if "roc" in found:
        _ranking("", found["roc"], rows, predictions, 1)
    for curve in found.get("by_class", ()):
        _ranking(f"/{curve['class']}", curve["roc"], rows, predictions, label.classes.index(curve["class"]))


def _ranking(suffix: str, roc: list[list[float]], rows: ModelPredictions, predictions: np.ndarray, of: int) -> None:
    """Writes ROC, precision and recall of one class against the others."""
    import tensorflow as tf
    from tensorboard.plugins.pr_curve import summary

    alarms, hits = np.array(roc).T
    for step in range(101):
        tf.summary.scalar(f"curves/roc{suffix}", np.interp(step / 100, alarms, hits), step=step, description=_ROC)
    scores = predictions[:, of].astype(np.float64)
    curve = summary.pb(f"curves/precision_recall{suffix}", rows.labels == of, scores, weights=rows.weights)
    tf.summary.experimental.write_raw_pb(curve.SerializeToString(), step=0)


def _markdown(confusion: Mapping[str, Any]) -> str:
    """Returns a confusion matrix as a table: a row for each class, a column for each predicted class."""
    names = [str(name).replace("|", "\\|") for name in confusion["classes"]]
    header = [["", *(f"predicted {name}" for name in names)], ["---"] * (len(names) + 1)]
    cells = [[name, *(f"{value:g}" for value in row)] for name, row in zip(names, confusion["matrix"], strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*header, *cells])


def _id(record: RunRecord, stage: str) -> int:
    """Returns the id of the first artifact of a stage; 0 where it did not end."""
    artifacts = record.executions[stage].outputs if stage in record.executions else ()
    return artifacts[0].id if artifacts else 0

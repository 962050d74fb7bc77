"""Trains one challenger in a process of its own: the best of its grid by eval, then its predictions on test.

The process imports neither TFX nor, unless the estimator does, TensorFlow.
"""

import json
import os
import pathlib
import pickle
import signal
import sys
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn import base, model_selection
from sklearn.utils import validation

from core.config import named_objects
from models.evaluation import metrics
from models.evaluation.challengers import ESTIMATOR_FILE, PREDICTIONS_FILE, REPORT_FILE

SEED = 0


def main() -> None:
    """Trains the challenger that the arguments name: the section as JSON, the folder of the rows, and its folder."""
    options, rows, folder = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begun = time.monotonic()
    task = json.loads((rows / "task.json").read_text(encoding="utf-8"))
    primary = metrics.PRIMARY[task["task"]]
    sign = 1 if primary.greater_is_better else -1
    tried = [_fit(options, parameters, rows, task) for parameters in grid(options["params"])]
    model, parameters, measured, notes = max(
        tried, key=lambda attempt: sign * attempt[2].get(primary.name, -sign * np.inf)
    )
    np.save(folder / PREDICTIONS_FILE, predict(model, inputs(rows, "test", task, options["data"]), task))
    try:
        (folder / ESTIMATOR_FILE).write_bytes(pickle.dumps(model))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        (folder / ESTIMATOR_FILE).unlink(missing_ok=True)
        notes = [*notes, f"its estimator cannot be kept: {error}"]
    report = {
        "estimator": options["estimator"],
        "parameters": parameters,
        "metrics": measured,
        "tried": len(tried),
        "seconds": round(time.monotonic() - begun, 2),
        "warnings": notes,
    }
    (folder / REPORT_FILE).write_text(json.dumps(report), encoding="utf-8")


def _end_with_parent() -> None:
    """Ends this process and those that it started when the other end of standard input is closed."""
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


def grid(params: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns all combinations of the parameters; a parameter that is not a list has one value."""
    lists = {name: value if isinstance(value, list) else [value] for name, value in params.items()}
    return list(model_selection.ParameterGrid(lists))


def inputs(rows: pathlib.Path, split: str, task: dict[str, Any], data: str) -> pd.DataFrame | np.ndarray:
    """Returns the features of a split: a frame with categories 0, 1, ..., or float32[rows, features]."""
    parts = {
        kind: np.load(rows / f"{split}-{kind}.npy", mmap_mode="r") for kind in ("numeric", "categorical") if task[kind]
    }
    if data == "array":
        return np.concatenate([np.asarray(values, np.float32) for values in parts.values()], axis=1)
    columns: dict[str, Any] = {}
    for kind, values in parts.items():
        for number, name in enumerate(task[kind]):
            column = np.asarray(values[:, number])
            known = kind == "categorical" and range(task[kind][name])
            columns[name] = pd.Categorical(column, categories=known) if known else column
    return pd.DataFrame(columns)


def make(path: str, parameters: dict[str, Any]) -> Any:
    """Returns the estimator that a dotted path names, with its parameters, and with a seed where it takes one."""
    named, values = named_objects.load(path), {name: _value(value) for name, value in parameters.items()}
    model = named(**values) if callable(named) else base.clone(named).set_params(**values)
    if "random_state" not in parameters and "random_state" in model.get_params():
        model.set_params(random_state=SEED)
    return model


def _value(value: Any) -> Any:
    return named_objects.load(value["object"]) if isinstance(value, dict) and set(value) == {"object"} else value


def _fit(
    options: dict[str, Any], parameters: dict[str, Any], rows: pathlib.Path, task: dict[str, Any]
) -> tuple[Any, dict[str, Any], dict[str, float], list[str]]:
    """Returns a fitted estimator, its parameters, its metrics on eval, and warnings."""
    model = make(options["estimator"], parameters)
    np.random.seed(SEED)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(SEED)
    weights, eval_weights = (_optional(rows / f"{split}-weight.npy") for split in ("train", "eval"))
    weighed = weights is not None and validation.has_fit_parameter(model, "sample_weight")
    notes = (
        ["its `fit` takes no weights, so it counts all rows the same"] if weights is not None and not weighed else []
    )
    labels = np.load(rows / "train-label.npy").astype(np.float32 if task["task"] == "regression" else np.int64)
    given = {"sample_weight": weights} if weighed else {}
    model.fit(inputs(rows, "train", task, options["data"]), labels, **given)
    predicted = predict(model, inputs(rows, "eval", task, options["data"]), task)
    measured = metrics.compute(task["task"], np.load(rows / "eval-label.npy"), predicted, eval_weights)
    return model, parameters, measured, notes


def predict(model: Any, features: pd.DataFrame | np.ndarray, task: dict[str, Any]) -> np.ndarray:
    """Returns float32[rows, classes], or float32[rows] for regression; a class that train does not have gets 0."""
    if task["task"] == "regression":
        found = np.asarray(model.predict(features), np.float32).reshape(len(features))
    elif not hasattr(model, "predict_proba"):
        raise TypeError(f"{type(model).__name__} has no predict_proba. Choose a classifier that gives probabilities.")
    else:
        found = np.zeros((len(features), task["classes"]), np.float32)
        found[:, np.asarray(model.classes_, np.int64)] = model.predict_proba(features)
    if not np.isfinite(found).all():
        raise ValueError(f"{type(model).__name__} predicts values that are not finite numbers. Change its parameters.")
    return found


def _optional(path: pathlib.Path) -> np.ndarray | None:
    return np.load(path) if path.exists() else None


if __name__ == "__main__":
    main()

"""Reads from the trials of a search what its report shows: values, failures, the best so far, importance."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras_tuner
from keras_tuner.engine import trial as trial_module

from models.tuning.importance import importance

LONGEST_LINE = 100  # characters


def is_completed(trial: trial_module.Trial) -> bool:
    """Returns whether a trial has a score."""
    return trial.status == trial_module.TrialStatus.COMPLETED  # type: ignore[no-any-return]


def hyperparameters(trial: trial_module.Trial) -> keras_tuner.HyperParameters:
    """Returns the hyperparameters of the family, without the values that Hyperband keeps beside them."""
    found = trial.hyperparameters.copy()
    found.values = {name: value for name, value in found.values.items() if not name.startswith("tuner/")}
    return found


def error(trial: trial_module.Trial) -> str | None:
    """Returns the first line of a failed trial's error; None for other trials."""
    if trial.status != trial_module.TrialStatus.FAILED:
        return None
    if not trial.message:
        return f"the score is {trial.score}"
    after_last_frame = trial.message.rpartition('  File "')[2].splitlines()[1:]
    return next((line for line in after_last_frame if line[:1].strip()), trial.message.splitlines()[-1])


def described(trial: trial_module.Trial, is_chosen: bool) -> dict[str, Any]:
    """Returns a trial for the report: hyperparameters, status, score, number of epochs and error."""
    return {
        "hyperparameters": hyperparameters(trial).values,
        "status": "chosen" if is_chosen else trial.status.lower(),
        "score": trial.score,
        "epochs": int(trial.metrics.get_best_value("epochs")) if trial.metrics.exists("epochs") else None,
        "error": error(trial),
    }


def summary(
    algorithm: str, objective: keras_tuner.Objective, space: keras_tuner.HyperParameters, started: Sequence[Any]
) -> dict[str, Any]:
    """Returns the part `model.search` of the summary.

    Args:
        algorithm: the name of the search algorithm.
        objective: what is compared, and in which direction.
        space: the hyperparameters.
        started: the trials in the order of their start.
    """
    greater_is_better = objective.direction == "max"
    scores = [trial.score for trial in started if is_completed(trial)]
    return {
        "algorithm": algorithm,
        "metric": objective.name.removeprefix("val_"),
        "failed": [message for message in map(error, started) if message],
        "best_so_far": list(itertools.accumulate(scores, max if greater_is_better else min)),
        "importance": importance(space, started, greater_is_better),
    }


def line(best: str, compared: str, found: dict[str, Any]) -> str:
    """Returns the result of a search in one line.

    Args:
        best: the best score.
        compared: how the defaults compare with it.
        found: the part of the summary.
    """
    failed = f", {len(found['failed'])} failed" if found["failed"] else ""
    text = f"best of {len(found['best_so_far'])} trials{failed}: {found['metric']} {best} ({compared})"
    matters = next((f"; {name} matters most" for name in found["importance"]), "")
    return text + matters if len(text + matters) <= LONGEST_LINE else text

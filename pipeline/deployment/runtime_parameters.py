"""Declares the parameters that a person can change when he starts a compiled pipeline.

Each of them reaches a stage as an execution property of its own beside the JSON that it changes. The name of that
property is the path in the JSON, joined by `__`: `source__data__files` is the key `files` of the key `data` of the
execution property `source`. `pipeline.deployment.step` puts the value there before the stage runs.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.run_context import RunContext

# Stands for files of the machine that compiles, which no container has: they are named when a run is started.
UNNAMED = "data_files"
_JOINT = "__"


@dataclasses.dataclass(frozen=True)
class RuntimeParameter:
    """A parameter of the compiled pipeline.

    Attributes:
        name: its name in the form that starts a run.
        type: of its value.
        description: its meaning, shown in that form.
        default: returns the value that the configuration gives; None where it has to be given at every start.
        properties: the execution property of each stage that gets it.
    """

    name: str
    type: type[int] | type[str]
    description: str
    default: Callable[[RunContext], Any]
    properties: Mapping[str, str]


PARAMETERS = (
    RuntimeParameter(
        name="data_files",
        type=str,
        description="The files of the table: a path or pattern, or a JSON list of them.",
        default=lambda run: _files(run.source.data.files),
        properties={"ExampleGen": "source__data__files"},
    ),
    RuntimeParameter(
        name="data_spans",
        type=int,
        description="The number of the newest spans, or days, that are read as one table.",
        default=lambda run: run.settings.data.spans,
        properties={"ExampleGen": "source__data__spans"},
    ),
    RuntimeParameter(
        name="model_family",
        type=str,
        description="The model family.",
        default=lambda run: run.spec.family,
        properties={
            "Tuner": "custom_config__spec__family",
            "Trainer": "custom_config__spec__family",
            "Evaluator": "spec__family",
            "ServingValidator": "spec__family",
            "Pusher": "metadata__spec__family",
        },
    ),
    RuntimeParameter(
        name="tuning_trials",
        type=int,
        description="The largest number of trials of the search for hyperparameters; 0: none.",
        default=lambda run: run.settings.tune.trials,
        properties={"Tuner": "custom_config__tune__trials"},
    ),
    RuntimeParameter(
        name="training_epochs",
        type=int,
        description="The largest number of epochs of the final training.",
        default=lambda run: run.settings.train.epochs,
        properties={"Trainer": "custom_config__train__epochs"},
    ),
    RuntimeParameter(
        name="serving_folder",
        type=str,
        description="The folder that gets the versions of the model.",
        default=lambda run: run.serving(),
        properties={
            "ExampleValidator": "previous_statistics",
            "Evaluator": "champion",
            "Pusher": "push_destination",
        },
    ),
)
# The execution properties that hold the serving folder.
FOLDERS = frozenset(PARAMETERS[-1].properties.values())


def uses_folders(stage: str) -> bool:
    """Returns whether a stage uses data files or the serving folder, whose content a cache would not see change."""
    folders = ("data_files", "serving_folder")
    return any(stage in parameter.properties for parameter in PARAMETERS if parameter.name in folders)


def _files(files: tuple[str, ...]) -> str | None:
    return None if files == (UNNAMED,) else files[0] if len(files) == 1 else json.dumps(files)


def applied(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the execution properties of a stage with the values of runtime parameters in their places."""
    found = {name: value for name, value in properties.items() if _JOINT not in name}
    for name in sorted(properties.keys() - found.keys()):
        value = properties[name]
        is_list = isinstance(value, str) and value.lstrip().startswith("[")
        found = _replaced(found, name.split(_JOINT), json.loads(value) if is_list else value)
    return found


def _replaced(values: Any, path: list[str], value: Any) -> Any:
    """Returns a mapping, or the JSON text of one, in which the place at a path has another value."""
    if not path:
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(values, str):
        return json.dumps(_replaced(json.loads(values), path, value), sort_keys=True)
    return {**values, path[0]: _replaced(values[path[0]], path[1:], value)}

"""Runs a stage in a container of Kubeflow Pipelines or Vertex AI: the command of every step of a compiled pipeline.

It stands between the platform and TFX's container entry point, which runs the stage:

- the values of runtime parameters are put into the JSON of the stage;
- input artifacts get the types of the stage's declaration, which the backend of Kubeflow leaves empty;
- artifacts are read and written at local paths (`pipeline.deployment.laid_artifacts`), and what a stage needs of a
  serving folder in a bucket is copied;
- the artifacts that the user interface draws are made from the report of the stage;
- an error that the user can mend is one message, with the exit code of a local run.
"""

import contextlib
import json
import os
import runpy
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "0"  # before anything imports TensorFlow, or tf.keras would silently be Keras 2

from core import storage
from pipeline.deployment import shown_artifacts
from pipeline.deployment.laid_artifacts import LaidArtifacts, copied
from pipeline.deployment.runtime_parameters import FOLDERS, applied

TFX_ENTRY_POINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_EXECUTOR_INPUT = "--json_serialized_invocation_args"
_INPUTS_SPEC = "--json_serialized_inputs_spec_args"
_MOUNT_ROOT = "/"
_GCS_MOUNT = "/gcs"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the stage that the arguments of TFX's entry point describe; returns the exit code."""
    import pydantic

    from core.errors import GateError, UserError, internal_error

    try:
        run(sys.argv[1:] if argv is None else argv)
    except (UserError, GateError) as error:
        return _failed(str(error), error.exit_code)
    except pydantic.ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        return _failed(f"{name} is {problem['input']!r}: {problem['msg']}. Start a run with another value.", 2)
    except Exception as error:
        traceback.print_exc()
        return _failed(internal_error(error), 1)
    return 0


def run(argv: Sequence[str]) -> None:
    """Runs the stage.

    Raises:
        UserError: a parameter, the configuration or the data are wrong.
        GateError: the data did not pass.
    """
    arguments = list(argv)
    position = arguments.index(_EXECUTOR_INPUT) + 1
    executor_input = json.loads(arguments[position])
    inputs, outputs = (executor_input.setdefault(side, {}) for side in ("inputs", "outputs"))
    declared = json.loads(arguments[arguments.index(_INPUTS_SPEC) + 1]).get("artifacts", {})
    for name, artifacts in inputs.get("artifacts", {}).items():
        for artifact in artifacts["artifacts"]:
            artifact["type"] = declared[name]["artifactType"]
    with tempfile.TemporaryDirectory() as scratch:
        inputs["parameterValues"] = _properties(inputs.get("parameterValues", {}), scratch)
        laid = LaidArtifacts(executor_input, scratch, _MOUNT_ROOT)
        shown = shown_artifacts.take(outputs)
        for artifacts in outputs.get("artifacts", {}).values():
            os.makedirs(artifacts["artifacts"][0]["uri"], exist_ok=True)  # as TFX does in a local run
        with _cache(inputs["parameterValues"], scratch):
            arguments[position] = json.dumps(executor_input)
            _run_tfx(arguments)
        with open(laid.output_file, encoding="utf-8") as file:
            executor_output = json.load(file)
        shown_artifacts.add(executor_output, shown, inputs["parameterValues"])
        laid.put_back(executor_output)
        with open(laid.output_file, "w", encoding="utf-8") as file:
            json.dump(executor_output, file)
        laid.put_back_output_file()


@contextlib.contextmanager
def _cache(properties: dict[str, Any], scratch: str) -> Iterator[None]:
    """Gives the stage a copy of the folder of its cache in a bucket, which gets back what the stage has changed."""
    uri = properties.get("cache", "")
    if not storage.is_uri(uri):
        yield
        return
    properties["cache"] = os.path.join(scratch, "cache")
    with copied(uri, properties["cache"]):
        yield


def _run_tfx(arguments: list[str]) -> None:
    sys.argv = [TFX_ENTRY_POINT, *arguments]
    try:
        runpy.run_module(TFX_ENTRY_POINT, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code:
            raise


def _properties(given: dict[str, Any], scratch: str) -> dict[str, Any]:
    """Returns the execution properties of the stage, with the runtime parameters in their places.

    Raises:
        UserError: the family of the model is unknown, or the bucket of the serving folder does not exist.
    """
    is_mounted = os.path.ismount(_GCS_MOUNT)
    properties = {
        # A folder that is mounted by FUSE cannot be renamed in one step, as a push does: so it is used by its URI.
        name: _by_uri(value) if name in FOLDERS else _mounted(value) if is_mounted else value
        for name, value in given.items()
    }
    properties = _checked(applied(properties))
    for name in FOLDERS & properties.keys():
        properties[name] = _serving_folder(name, properties[name], os.path.join(scratch, "serving"))
    return properties


def _mounted(value: Any) -> Any:
    """Returns a value in which a bucket of Google Cloud Storage is the folder that Vertex AI mounts it at."""
    return value.replace("gs://", f"{_GCS_MOUNT}/") if isinstance(value, str) else value


def _by_uri(folder: str) -> str:
    return folder.replace(f"{_GCS_MOUNT}/", "gs://", 1) if folder.startswith(f"{_GCS_MOUNT}/") else folder


def _serving_folder(name: str, folder: str, copy: str) -> str:
    """Returns a folder of versions as a stage takes it: a path or URI to push to; to read, a copy of what it reads."""
    if not storage.is_uri(folder):
        return folder
    storage.check_bucket(folder)
    if name == "push_destination":
        return folder
    from models.serving import model_versions, remote_versions

    parts = {"champion": "", "previous_statistics": model_versions.STATISTICS_FOLDER}
    found = remote_versions.stable(folder.rstrip("/"))
    if found is None:
        return ""
    storage.fetch(f"{found}/{parts[name]}", os.path.join(copy, os.path.basename(found), parts[name]))
    return copy


def _checked(properties: dict[str, Any]) -> dict[str, Any]:
    """Returns execution properties as they are; UserError where the family of the model is unknown."""
    from core.spec import Spec
    from models import families

    config = json.loads(properties.get("custom_config") or "null") or {}
    text = properties.get("spec") or config.get("spec")
    if text:
        spec = Spec.from_json(text)
        families.check(spec.family, spec.hyperparameters)
    return properties


def _failed(message: str, exit_code: int) -> int:
    print(f"error: {message}", file=sys.stderr, flush=True)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())

"""Runs a stage in a container of Kubeflow Pipelines or Vertex AI: the command of every step of a compiled pipeline.

It stands between the platform and TFX's container entry point, which runs the stage:

- the values of runtime parameters are put into the JSON of the stage;
- input artifacts get the types of the stage's declaration, which the backend of Kubeflow leaves empty;
- artifacts are read and written at the local paths at which the platform lays them: `s3://BUCKET/KEY` at
  `/s3/BUCKET/KEY`, and likewise `/minio/` and `/gcs/`;
- the artifacts that the user interface draws are made from the report of the stage;
- an error that the user can mend is one message, with the exit code of a local run.
"""

import json
import os
import re
import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "0"  # before anything imports TensorFlow, or tf.keras would silently be Keras 2

TFX_ENTRY_POINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_EXECUTOR_INPUT = "--json_serialized_invocation_args"
_INPUTS_SPEC = "--json_serialized_inputs_spec_args"
_MOUNTS = {"gs": "gcs", "s3": "s3", "minio": "minio"}
_URI = re.compile(r"(\w+)://([^/]+)(.*)")


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
    from pipeline.deployment import shown_artifacts
    from pipeline.deployment.runtime_parameters import applied

    arguments = list(argv)
    position = arguments.index(_EXECUTOR_INPUT) + 1
    executor_input = json.loads(arguments[position])
    inputs, outputs = (executor_input.setdefault(side, {}) for side in ("inputs", "outputs"))
    properties = {name: _mounted(value) for name, value in inputs.get("parameterValues", {}).items()}
    inputs["parameterValues"] = _checked(applied(properties))
    declared = json.loads(arguments[arguments.index(_INPUTS_SPEC) + 1]).get("artifacts", {})
    for name, artifacts in inputs.get("artifacts", {}).items():
        for artifact in artifacts["artifacts"]:
            artifact["type"] = declared[name]["artifactType"]
    uris = {local_path(artifact["uri"]): artifact["uri"] for artifact in _artifacts(executor_input)}
    for artifact in _artifacts(executor_input):
        artifact["uri"] = local_path(artifact["uri"])
    output_file = outputs["outputFile"] = local_path(outputs["outputFile"])
    shown = shown_artifacts.take(outputs)
    for artifacts in outputs.get("artifacts", {}).values():
        if not _URI.fullmatch(uri := artifacts["artifacts"][0]["uri"]):
            os.makedirs(uri, exist_ok=True)  # as TFX does in a local run; the launcher makes the folder above alone
    arguments[position] = json.dumps(executor_input)
    sys.argv = [TFX_ENTRY_POINT, *arguments]
    try:
        runpy.run_module(TFX_ENTRY_POINT, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code:
            raise
    with open(output_file, encoding="utf-8") as file:
        executor_output = json.load(file)
    shown_artifacts.add(executor_output, shown, inputs["parameterValues"])
    for artifacts in executor_output.get("artifacts", {}).values():
        for artifact in artifacts["artifacts"]:
            artifact["uri"] = uris.get(artifact["uri"], artifact["uri"])
    with open(output_file, "w", encoding="utf-8") as file:
        json.dump(executor_output, file)


def local_path(uri: str, root: str = "/") -> str:
    """Returns where the platform lays an artifact; the URI itself where there is no such bucket."""
    match = _URI.fullmatch(uri)
    if match is None or match[1] not in _MOUNTS:
        return uri
    bucket = os.path.join(root, _MOUNTS[match[1]], match[2])
    return bucket + match[3] if os.path.isdir(bucket) else uri


def _artifacts(executor_input: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for side in ("inputs", "outputs"):
        for artifacts in executor_input[side].get("artifacts", {}).values():
            yield from artifacts["artifacts"]


def _mounted(value: Any) -> Any:
    """Returns a value in which a bucket of Google Cloud Storage is the folder that Vertex AI mounts it at."""
    return value.replace("gs://", "/gcs/") if isinstance(value, str) and os.path.ismount("/gcs") else value


def _checked(properties: dict[str, Any]) -> dict[str, Any]:
    """Returns execution properties as they are; UserError where a folder or the family of the model cannot be used."""
    from core.errors import UserError
    from core.spec import Spec
    from models import families
    from pipeline.deployment.runtime_parameters import FOLDERS

    for name in FOLDERS & properties.keys():
        if _URI.fullmatch(properties[name]):
            raise UserError(
                f"serving_folder is {properties[name]}, and stages use a folder of the file system. Give one in a "
                "volume (`deploy: {volumes: ...}`); Vertex AI mounts gs://BUCKET at /gcs/BUCKET by itself."
            )
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

"""ServingValidator: the model that is to be served must answer like the one that was trained.

TFX's InfraValidator does this with a model server in Docker. Here a fresh process loads the SavedModel with TensorFlow
alone, and `models.serving.parity_check` compares every signature with what the Trainer's model gave in memory.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2
from tfx import types
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils, path_utils

from components.base import stage_report
from core import examples, progress
from core.spec import Spec
from models.evaluation.gates import Gate
from models.serving import model_versions

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_TIMEOUT_S = 300.0
# How many rows the requests that warm up a model server bring, in this order.
_WARM_UP = (1, 1, 32)

_Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Checks the served model in a process of its own."""

    def Do(self, input_dict: _Artifacts, output_dict: _Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the blessing of the infrastructure, and requests that warm up a model server."""
        infra = artifact_utils.get_single_instance(output_dict["blessing"])
        if not model_utils.is_model_blessed(artifact_utils.get_single_instance(input_dict["model_blessing"])):
            _bless(infra, False)
            stage_report.record(infra, "skipped: the model is not blessed", gates=[])
            return
        model = artifact_utils.get_single_instance(input_dict["model"])
        path = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
        run = artifact_utils.get_single_instance(input_dict["model_run"])
        expected = os.path.join(run.uri, "expected.parquet")
        options = json.loads(exec_properties["options"])
        progress.report("loading the model in a fresh process")
        answer = check(path, expected, exec_properties["spec"], options)
        blessed = all(gate["passed"] for gate in answer["gates"])
        if blessed:
            write_warm_up(warm_up_file(infra.uri), expected, Spec.from_json(exec_properties["spec"]))
        _bless(infra, blessed)
        stage_report.record(
            infra, _finding(answer), **{key: value for key, value in answer.items() if value is not None}
        )


def warm_up_file(infra_blessing_uri: str) -> str:
    """Returns where a blessing keeps the requests that warm up a model server."""
    return os.path.join(infra_blessing_uri, os.path.basename(model_versions.WARM_UP_FILE))


def check(model: str, expected: str, spec: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answer of `models.serving.parity_check` from a fresh process, as JSON values.

    Args:
        model: the folder of the SavedModel.
        expected: the Parquet file of rows and the trainer's answers.
        spec: `Spec.to_json()`.
        options: `max_difference`, `max_p50_ms` and `timeout_s`, all optional.

    Raises:
        RuntimeError: the process broke; the message ends with what it wrote last.
    """
    limits = {name: options[name] for name in ("max_difference", "max_p50_ms") if name in options}
    timeout = options.get("timeout_s") or _TIMEOUT_S
    with tempfile.TemporaryDirectory() as folder:
        request, answer = (pathlib.Path(folder) / name for name in ("request.json", "answer.json"))
        request.write_text(json.dumps({"model": model, "expected": expected, "spec": spec, **limits}))
        command = [sys.executable, "-m", "models.serving.parity_check", str(request), str(answer)]
        try:
            done = subprocess.run(
                command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            why = f"The model gave no answer within {timeout:g} seconds."
            return {"gates": [dataclasses.asdict(Gate("answers", False, None, timeout, why))]}
        if done.returncode != 0 or not answer.exists():
            last = "\n".join(done.stderr.splitlines()[-20:])
            raise RuntimeError(f"The check of the served model broke (exit code {done.returncode}):\n{last}")
        return dict(json.loads(answer.read_text()))


def _environment() -> dict[str, str]:
    """Returns the environment of the check: on the CPU, where it starts at once and no trainer holds the memory."""
    return {
        **os.environ,
        "PYTHONPATH": str(_ROOT),
        "TF_USE_LEGACY_KERAS": "0",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "1",
    }


def write_warm_up(path: str, expected: str, spec: Spec) -> None:
    """Writes some requests to `predict` that a model server plays to itself when it loads the model."""
    rows = pq.read_table(expected).combine_chunks().to_batches()[0]
    with tf.io.TFRecordWriter(path) as writer:
        for number in _WARM_UP:
            columns = examples.dense(rows.slice(0, number), spec.features)
            request = predict_pb2.PredictRequest(
                model_spec=model_pb2.ModelSpec(signature_name="predict"),
                inputs={name: tf.make_tensor_proto(column) for name, column in columns.items()},
            )
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString(deterministic=True))


def _finding(answer: Mapping[str, Any]) -> str:
    """Returns a line such as `parity 3.2e-07 · p50 1.4 ms`, or the first gate that failed."""
    failed = [gate for gate in answer["gates"] if not gate["passed"]]
    if failed:
        return f"{failed[0]['name']} failed: {failed[0]['why']}"[:100]
    return f"parity {answer['max_abs_difference']:.1e} · p50 {answer['p50_ms']:.1f} ms"


def _bless(infra: types.Artifact, blessed: bool) -> None:
    """Fills the blessing as the stock InfraValidator does."""
    infra.set_int_custom_property("blessed", int(blessed))
    infra.set_int_custom_property("has_model", 0)
    io_utils.write_string_file(os.path.join(infra.uri, "INFRA_BLESSED" if blessed else "INFRA_NOT_BLESSED"), "")


class ServingValidatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of the ServingValidator."""

    PARAMETERS = {
        "spec": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
    OUTPUTS = {"blessing": ChannelParameter(type=standard_artifacts.InfraBlessing)}


class ServingValidator(base_component.BaseComponent):
    """Checks that a blessed model can be served, and answers like the one that was trained."""

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        blessing: types.BaseChannel,
        spec: str,
        options: str,
        fingerprint: str,
    ) -> None:
        """Wires the stage.

        Args:
            model: the candidate.
            model_run: of the same Trainer: its `expected.parquet` has rows and the answers of the model in memory.
            blessing: the Evaluator's; without it the check is skipped.
            spec: `Spec.to_json()`.
            options: JSON `{"max_difference": x, "max_p50_ms": x, "timeout_s": x}`, all optional.
            fingerprint: makes the cache see changed code.
        """
        super().__init__(
            ServingValidatorSpec(
                model=model,
                model_run=model_run,
                model_blessing=blessing,
                spec=spec,
                options=options,
                fingerprint=fingerprint,
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )

"""Pusher: puts a blessed model where a model server finds it, as `serving/VERSION/`, in one step or not at all.

TFX's own Pusher copies file by file into the folder that a server watches, and names it by the second. Here a version
is a growing integer, and appears when it is complete: see `models.serving.model_versions`.
"""

import json
import pathlib
from typing import Any

from tfx import types
from tfx.components.pusher import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs

from components.base import stage_report
from models.serving import model_versions

_Artifacts = dict[str, list[types.Artifact]]


class Executor(executor.Executor):
    """Pushes, unless the Evaluator or the ServingValidator said no."""

    def Do(self, input_dict: _Artifacts, output_dict: _Artifacts, exec_properties: dict[str, Any]) -> None:
        """Pushes the model, and says where on the output."""
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            stage_report.record(pushed, "not pushed: the model did not pass its gates")
            return
        destination = json.loads(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY])
        metadata = json.loads(exec_properties["custom_config"])["metadata"]
        found = model_versions.push(
            pathlib.Path(self.GetModelPath(input_dict)),
            pathlib.Path(destination["filesystem"]["base_directory"]),
            {model_versions.METADATA_FILE: metadata.encode(), **_warm_up(input_dict)},
        )
        self._MarkPushed(pushed, str(found.path), str(found.version))
        said = "pushed" if found.new else "already served:"
        stage_report.record(pushed, f"{said} {found.path}", path=str(found.path), version=found.version)


def _warm_up(input_dict: _Artifacts) -> dict[str, bytes]:
    """Returns the requests that warm up a model server, if the ServingValidator left some."""
    for blessing in input_dict.get(standard_component_specs.INFRA_BLESSING_KEY) or []:
        file = pathlib.Path(blessing.uri, pathlib.Path(model_versions.WARM_UP_FILE).name)
        if file.exists():
            return {model_versions.WARM_UP_FILE: file.read_bytes()}
    return {}


class Pusher(component.Pusher):
    """TFX's Pusher with atomic, numbered versions."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        blessing: types.BaseChannel,
        infra_blessing: types.BaseChannel,
        push_destination: str,
        metadata: str,
        fingerprint: str,
    ) -> None:
        """Wires the stage.

        Args:
            model: the candidate.
            blessing: the Evaluator's.
            infra_blessing: the ServingValidator's.
            push_destination: the folder of the versions.
            metadata: JSON `{"spec": Spec.to_json(), "source": Source.to_json()}`: it goes with the model, so that
                `pipeline/predict.py` reads tables as the training did.
            fingerprint: makes the cache see changed code.
        """
        filesystem = pusher_pb2.PushDestination.Filesystem(base_directory=push_destination)
        super().__init__(
            model=model,
            model_blessing=blessing,
            infra_blessing=infra_blessing,
            push_destination=pusher_pb2.PushDestination(filesystem=filesystem),
            custom_config={"metadata": metadata, "fingerprint": fingerprint},
        )

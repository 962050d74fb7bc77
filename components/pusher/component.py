"""Pusher: makes a blessed model the stable version below the folder that a model server watches.

TFX's own Pusher copies file by file into that folder, and names a version by the second. Here a version is a growing
integer, and appears when it is complete: see `models.serving.model_versions`.
"""

import json
import pathlib
from typing import Any

from tfx.components.util import model_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components.base import stage_report
from core import examples as examples_payload
from models.serving import model_versions, remote_versions

_REFERENCE_ROWS = 10_000


@component
def Pusher(
    model: InputArtifact[standard_artifacts.Model],
    blessing: InputArtifact[standard_artifacts.ModelBlessing],
    infra_blessing: InputArtifact[standard_artifacts.InfraBlessing],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    examples: InputArtifact[standard_artifacts.Examples],
    pushed_model: OutputArtifact[standard_artifacts.PushedModel],
    push_destination: Parameter[str],
    metadata: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Pushes the model, unless the Evaluator or the ServingValidator refused it.

    Args:
        model: the candidate.
        blessing: the Evaluator's.
        infra_blessing: the ServingValidator's, with the requests that warm up a model server.
        statistics: the statistics of the data, which are pushed with the model: later data are compared with them.
        examples: the Examples, which say how their table was read: it is known only then where a run is started with
            other files than those that it was compiled for. Some rows of test are pushed with the model.
        pushed_model: the output.
        push_destination: the path or URI of the folder of the versions.
        metadata: JSON that is pushed with the model: how the training read its table, so that `pipeline/predict.py`
            reads tables in the same way, and the fingerprints of the stages that made the model.
        fingerprint: makes TFX's cache depend on the code.

    Raises:
        UserError: the model cannot be written.
    """
    if not (model_utils.is_model_blessed(blessing) and model_utils.is_infra_validated(infra_blessing)):
        pushed_model.set_int_custom_property("pushed", 0)
        stage_report.record(pushed_model, "not pushed: the model did not pass its gates")
        return
    version = remote_versions.push(
        pathlib.Path(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))),
        push_destination,
        {
            model_versions.METADATA_FILE: _metadata(metadata, examples).encode(),
            **_warm_up(infra_blessing.uri),
            **_clients(infra_blessing.uri),
            **_statistics(statistics.uri),
            **_reference(examples),
        },
        run=model.uri,
    )
    pushed_model.set_int_custom_property("pushed", 1)
    pushed_model.set_string_custom_property("pushed_destination", str(version.path))
    pushed_model.set_string_custom_property("pushed_version", str(version.version))
    line = f"{'pushed' if version.new else 'already served:'} {version.path}"
    stage_report.record(pushed_model, line, {"serving": {"path": str(version.path), "version": version.version}})


def _metadata(metadata: str, examples: Any) -> str:
    source = examples.get_string_custom_property("source")
    return json.dumps({**json.loads(metadata), "source": source}, sort_keys=True) if source else metadata


def _warm_up(infra_blessing: str) -> dict[str, bytes]:
    """Returns the requests that warm up a model server, if there are any."""
    file = pathlib.Path(model_versions.warm_up_file(infra_blessing))
    return {model_versions.WARM_UP_FILE: file.read_bytes()} if file.exists() else {}


def _clients(infra_blessing: str) -> dict[str, bytes]:
    """Returns the examples of clients, by their path in a version."""
    files = sorted(pathlib.Path(model_versions.clients_folder(infra_blessing)).glob("*"))
    return {f"{model_versions.CLIENTS_FOLDER}/{file.name}": file.read_bytes() for file in files}


def _statistics(folder: str) -> dict[str, bytes]:
    """Returns the statistics of all splits, by their path in a version."""
    files = pathlib.Path(folder).glob("Split-*/FeatureStats.pb")
    return {f"{model_versions.STATISTICS_FOLDER}/{file.parent.name}/{file.name}": file.read_bytes() for file in files}


def _reference(examples: Any) -> dict[str, bytes]:
    """Returns rows of test, which the model was not fitted on; none where there is no such split."""
    if "test" not in artifact_utils.decode_split_names(examples.split_names):
        return {}
    content = examples_payload.sample(artifact_utils.get_split_uri([examples], "test"), _REFERENCE_ROWS)
    return {model_versions.REFERENCE_FILE: content} if content else {}

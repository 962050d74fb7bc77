"""ServingValidator: checks that the exported model gives the predictions of the trained one.

TFX's InfraValidator does this with a model server in Docker. Here a fresh process loads the SavedModel with TensorFlow
alone, and `models.serving.parity_check` compares every signature with the predictions of the Trainer's model in memory.
"""

import os
import pathlib
import textwrap
from typing import Any

from tfx import types
from tfx.components.util import model_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

from components.base import stage_report
from components.serving_validator import client_examples, fresh_process, warm_up
from core import progress
from core.spec import Spec
from models.serving import model_versions


@component
def ServingValidator(
    model: InputArtifact[standard_artifacts.Model],
    model_run: InputArtifact[standard_artifacts.ModelRun],
    blessing: InputArtifact[standard_artifacts.ModelBlessing],
    infra_blessing: OutputArtifact[standard_artifacts.InfraBlessing],
    spec: Parameter[str],
    serve: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Writes the blessing of the infrastructure, requests that warm up a model server, and examples of clients.

    Args:
        model: the candidate.
        model_run: of the same Trainer; its `expected.parquet` has rows and the predictions of the model in memory.
        blessing: the Evaluator's; without it the check is skipped.
        infra_blessing: the output.
        spec: `Spec.to_json()`.
        serve: the section `Serve` as JSON.
        fingerprint: makes TFX's cache depend on the code.
    """
    if not model_utils.is_model_blessed(blessing):
        _bless(infra_blessing, False)
        stage_report.record(infra_blessing, "skipped: the model is not blessed")
        return
    path = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    expected = os.path.join(model_run.uri, "expected.parquet")
    progress.report("loading the model in a fresh process")
    answer = fresh_process.check(path, expected, spec, serve)
    results = answer.pop("gates")
    blessed = all(result["passed"] for result in results)
    if blessed:
        parsed = Spec.from_json(spec)
        warm_up.write(model_versions.warm_up_file(infra_blessing.uri), expected, parsed)
        client_examples.write(pathlib.Path(model_versions.clients_folder(infra_blessing.uri)), expected, parsed)
    _bless(infra_blessing, blessed)
    measured = {"max_abs_difference": answer["max_abs_difference"], **(answer["costs"] or {})}
    stage_report.record(infra_blessing, _line(results, measured), {"gates": results, "serving": measured})


def _line(results: list[dict[str, Any]], measured: dict[str, float]) -> str:
    """Returns a line such as `parity 3.2e-07 · p50 1.4 ms · p99 2.1 ms · ...`, or the first condition that failed."""
    failed = [result for result in results if not result["passed"]]
    if failed:
        return textwrap.shorten(f"{failed[0]['name']} failed: {failed[0]['why']}", 100, placeholder=" ...")
    return (
        "parity {max_abs_difference:.1e} · p50 {p50_ms:.1f} ms · p99 {p99_ms:.1f} ms · {size_mb:.1f} MB · "
        "loaded in {load_s:.1f} s · memory {memory_mb:.0f} MB"
    ).format(**measured)


def _bless(infra_blessing: types.Artifact, blessed: bool) -> None:
    """Writes the blessing as the stock InfraValidator does."""
    infra_blessing.set_int_custom_property("blessed", int(blessed))
    infra_blessing.set_int_custom_property("has_model", 0)
    name = "INFRA_BLESSED" if blessed else "INFRA_NOT_BLESSED"
    io_utils.write_string_file(os.path.join(infra_blessing.uri, name), "")

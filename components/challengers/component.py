"""Challengers: trains estimators of other libraries on the transformed rows, and predicts the test split with them.

A challenger is never pushed, and one that fails or takes too long is a warning: neither decides about the model.
"""

import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts

from components.base import stage_report
from components.challengers import board, processes, rows
from core import progress
from core.config.review import Challenger
from core.spec import Spec
from models.evaluation import challengers as challengers_format
from models.evaluation import metrics


@component
def Challengers(
    examples: InputArtifact[standard_artifacts.Examples],
    transform_graph: InputArtifact[standard_artifacts.TransformGraph],
    challengers: OutputArtifact[standard_artifacts.ModelRun],
    spec: Parameter[str],
    options: Parameter[str],
    digests_of_estimators: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Trains each challenger in a process of its own, within its time.

    Args:
        examples: Examples with the splits train, eval and test.
        transform_graph: the transform graph.
        challengers: the output: the files that `models.evaluation.challengers` describes, and TensorBoard's logs.
        spec: `Spec.to_json()`.
        options: a list of the section `Challenger` as JSON.
        digests_of_estimators: makes TFX's cache depend on the libraries and the user's modules.
        fingerprint: makes TFX's cache depend on the code.
    """
    parsed = Spec.from_json(spec)
    given = TypeAdapter(tuple[Challenger, ...]).validate_python(tuple(json.loads(options)))
    warnings: list[str] = []
    if given:
        folder = pathlib.Path(challengers.uri)
        splits = {split: artifact_utils.get_split_uri([examples], split) for split in rows.SPLITS}
        with rows.written(splits, transform_graph.uri, parsed) as (task, notes):
            warnings += notes
            for number, challenger in enumerate(given):
                progress.report(f"{challenger.name} trains", number, len(given))
                warnings += processes.train(challenger, task, folder / challenger.name)
    found = challengers_format.reports(challengers.uri)
    board.write(challengers.uri, found)
    summary = {"challengers": found} if given else {}
    line = _line(found, len(given), parsed) if given else "none configured"
    stage_report.record(challengers, line, summary, warnings=warnings)


def _line(found: Mapping[str, Mapping[str, Any]], given: int, spec: Spec) -> str:
    """Returns how many challengers were trained, and the best of them by eval."""
    primary = metrics.PRIMARY[spec.label.task]
    values = {name: report["metrics"].get(primary.name, math.nan) for name, report in found.items()}
    trained = f"{len(found)} of {given} trained"
    if not values or math.isnan(sum(values.values())):
        return trained
    best = (max if primary.greater_is_better else min)(values, key=values.__getitem__)
    return f"{trained} · best {best}, eval {primary.name} {values[best]:.4f}"

"""Records the report of a stage on its output artifact, so that a cached execution has it too."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types


def record(
    artifact: types.Artifact,
    line: str,
    summary: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    **details: Any,
) -> None:
    """Records the report of a stage.

    Args:
        artifact: the stage's first output.
        line: the result in one line of at most 100 characters, shown when the stage ends.
        summary: the stage's part of `summary.json`; mappings of several stages are merged, lists are joined.
        warnings: messages shown below the line.
        **details: further JSON values, which the summary does not show.
    """
    artifact.set_string_custom_property("finding", line)
    report = {"summary": dict(summary or {}), "warnings": list(warnings), **details}
    artifact.set_string_custom_property("report", json.dumps(report))

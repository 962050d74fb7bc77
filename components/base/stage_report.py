"""What a stage found, kept on its output artifact: a cached stage can still say it."""

import json
from typing import Any

from tfx import types


def record(artifact: types.Artifact, finding: str, **report: Any) -> None:
    """Keeps a stage's finding on its output.

    Args:
        artifact: the stage's first output.
        finding: one line of at most 100 characters for the person who watches.
        **report: JSON values for `summary.json`.
    """
    artifact.set_string_custom_property("finding", finding)
    artifact.set_string_custom_property("report", json.dumps(report))

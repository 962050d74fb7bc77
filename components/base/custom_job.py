"""Reads the description of a custom job of Vertex AI from the execution properties of a stage."""

import json
from typing import Any

from tfx.extensions.google_cloud_ai_platform import constants
from tfx.utils import json_utils


def arguments(exec_properties: dict[str, Any], key: str) -> dict[str, Any]:
    """Returns the execution properties as TFX's executors for custom jobs read them.

    Args:
        exec_properties: those of the stage, and `custom_job`: JSON with `project`, `region` and the `job_spec`.
        key: where the executor looks for the job in `custom_config`.
    """
    job = json.loads(exec_properties["custom_job"])
    config = json_utils.loads(exec_properties["custom_config"]) | {
        constants.ENABLE_VERTEX_KEY: True,
        constants.VERTEX_REGION_KEY: job.pop("region"),
        key: job,
    }
    others = {name: value for name, value in exec_properties.items() if name != "custom_job"}
    return {**others, "custom_config": json_utils.dumps(config)}

"""Runs the executor of a stage as a custom job of Vertex AI, by TFX's extension for it."""

import json
from types import ModuleType
from typing import Any, ClassVar

from tfx.extensions.google_cloud_ai_platform import constants
from tfx.extensions.google_cloud_ai_platform.trainer import executor
from tfx.utils import json_utils


class Executor(executor.GenericExecutor):  # type: ignore[misc]
    """Starts the job, waits for its end, and records the report that the stage's executor has written.

    TFX's extension for the Trainer starts any executor. That for the Tuner starts the stock one alone, which does not
    write the members of an ensemble.

    Attributes:
        STAGE: the module of the stage, with its `Executor` and a function `record`.
    """

    STAGE: ClassVar[ModuleType]

    def _GetExecutorClass(self) -> type:
        """Returns what the job runs."""
        return self.STAGE.Executor  # type: ignore[no-any-return]

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs the stage in the job."""
        super().Do(input_dict, output_dict, arguments(exec_properties))
        self.STAGE.record(output_dict)


def arguments(exec_properties: dict[str, Any]) -> dict[str, Any]:
    """Returns the execution properties as TFX's extension reads them.

    Args:
        exec_properties: those of the stage, and `custom_job`: JSON with `project`, `region` and the `job_spec`.
    """
    job = json.loads(exec_properties["custom_job"])
    config = json_utils.loads(exec_properties["custom_config"]) | {
        constants.ENABLE_VERTEX_KEY: True,
        constants.VERTEX_REGION_KEY: job.pop("region"),
        executor.TRAINING_ARGS_KEY: job,
    }
    others = {name: value for name, value in exec_properties.items() if name != "custom_job"}
    return {**others, "custom_config": json_utils.dumps(config)}

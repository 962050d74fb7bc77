"""Runs the Trainer as a custom job of Vertex AI, by TFX's extension for it."""

from typing import Any

from tfx.extensions.google_cloud_ai_platform.trainer import executor

from components.base import custom_job
from components.trainer import component


class Executor(executor.GenericExecutor):  # type: ignore[misc]
    """Starts the job, waits for its end, and records the report of `run_fn` on the model."""

    def _GetExecutorClass(self) -> type:
        """Returns what the job runs."""
        return component.Executor

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Trains the model in the job."""
        super().Do(input_dict, output_dict, custom_job.arguments(exec_properties, executor.TRAINING_ARGS_KEY))
        component.record(output_dict)

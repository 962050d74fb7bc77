"""Runs the Tuner as a custom job of Vertex AI, by TFX's extension for it."""

from typing import Any

from tfx.extensions.google_cloud_ai_platform.tuner import executor

from components.base import custom_job


class Executor(executor.Executor):  # type: ignore[misc]
    """Starts the job, which writes the best hyperparameters, and waits for its end."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Searches in the job."""
        super().Do(input_dict, output_dict, custom_job.arguments(exec_properties, executor.TUNING_ARGS_KEY))

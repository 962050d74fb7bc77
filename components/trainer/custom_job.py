"""Runs the Trainer as a custom job of Vertex AI."""

from typing import ClassVar

from components.base import custom_job
from components.trainer import component


class Executor(custom_job.Executor):
    """See `custom_job.Executor`."""

    STAGE: ClassVar = component

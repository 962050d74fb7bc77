"""Runs the Tuner as a custom job of Vertex AI."""

from typing import ClassVar

from components.base import custom_job
from components.tuner import component


class Executor(custom_job.Executor):
    """See `custom_job.Executor`."""

    STAGE: ClassVar = component

"""Describes where a compiled pipeline runs."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Target:
    """The platform, and what it needs to know.

    Attributes:
        platform: Kubeflow Pipelines or Vertex AI.
        image: the image of all steps.
        pipeline_root: the folder, in a bucket, of the outputs of all stages.
        project: Vertex AI: the project; None where it is not given.
        region: Vertex AI: the region; None where it is not given.
    """

    platform: Literal["kubeflow", "vertex"]
    image: str
    pipeline_root: str
    project: str | None = None
    region: str | None = None

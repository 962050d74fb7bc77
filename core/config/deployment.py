"""Declares the sections for clusters and servers: the data stages' engine, resources, endpoints, the served model."""

from typing import Annotated, Literal

from pydantic import Field

from core.config.types import Amount, Count, CountOrZero, Options, Positive, Section, Texts


class Beam(Section):
    """The engine that runs the data stages."""

    runner: Literal["local", "flink", "spark", "dataflow", "prism"] = "local"
    """the engine: processes of this machine, a cluster of Flink or Spark, Google Cloud Dataflow, or Beam's Prism"""
    options: Options = {}
    """Beam's options for it by name, such as {direct_num_workers: 4}; true: without a value; false: left out"""


class StageResources(Section):
    """The resources of a stage on a cluster; null: what the platform gives."""

    cpu: Positive | None = None
    """the number of CPU cores"""
    memory: Amount | None = None
    """the amount of memory"""
    accelerator: Annotated[str, Field(min_length=1)] | None = None
    """the type: nvidia.com/gpu on Kubeflow, or one of Vertex AI such as NVIDIA_TESLA_T4"""
    accelerators: Count = 1
    """the number of accelerators of that type"""
    node_selector: dict[str, str] = {}
    """Kubeflow: the labels of the nodes that it may run on"""
    retries: CountOrZero = 0
    """how often a failed stage is started again"""
    timeout_minutes: Positive | None = None
    """the time after which it is stopped"""
    cache: bool | None = None
    """whether results of earlier runs may be used; null: yes, but not where it reads files or the serving folder"""
    custom_job: str | None = None
    """Vertex AI, Trainer and Tuner: the type of the machine for a custom job of its own, such as n1-standard-8"""


class Deploy(Section):
    """The deployment on Kubeflow Pipelines or Vertex AI."""

    serving_folder: str | None = None
    """the folder that gets the versions of the model; null: PIPELINE_ROOT/NAME/serving"""
    volumes: dict[str, str] = {}
    """Kubeflow: the persistent volume claims that all stages mount, by path, such as {/data: trips}"""
    secrets: dict[str, Texts] = {}
    """Kubeflow: keys of secrets that all stages get as environment variables, such as {s3: [AWS_SECRET_ACCESS_KEY]}"""
    endpoint: str | None = None
    """Vertex AI: the name of an endpoint that each pushed model is deployed to; it is made if there is none"""
    endpoint_machine: str = "n1-standard-2"
    """Vertex AI: the type of its machines"""
    endpoint_image: str = "us-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
    """Vertex AI: the image that serves the model there"""
    project: str | None = None
    """Vertex AI: the project of custom jobs and of the endpoint, unless --project is given"""
    region: str | None = None
    """Vertex AI: their region, unless --region is given"""
    default: StageResources = StageResources()
    """the resources of the stages that do not set their own"""
    stages: dict[str, StageResources] = {}
    """the resources of single stages"""

    def resources(self, stage: str) -> StageResources:
        """Returns the resources of a stage: its own settings, and for the others the default's."""
        own = self.stages.get(stage, StageResources()).model_dump(exclude_unset=True)
        return self.default.model_copy(update=own)


class Serve(Section):
    """The conditions that the served model must meet."""

    max_difference: Positive = 1e-4
    """the largest difference from the trainer's predictions"""
    max_p50_ms: Positive | None = None
    """the largest median latency of a request of one row, in milliseconds; null: any"""
    max_p99_ms: Positive | None = None
    """the largest latency of 99 % of the requests of one row, in milliseconds; null: any"""
    max_memory_mb: Positive | None = None
    """the most memory that the model needs beside TensorFlow, with requests of 1,024 rows, in MB; null: any"""
    max_size_mb: Positive | None = None
    """the largest size of the model's files, in MB; null: any"""
    max_load_s: Positive | None = None
    """the longest time to load the model, in seconds; null: any"""

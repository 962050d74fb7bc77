"""Describes what only Vertex AI has: custom jobs of the Trainer and the Tuner, and the deployment to an endpoint."""

import json
from typing import Any

from core.config.deployment import Deploy
from core.errors import UserError
from core.text import listing
from pipeline.deployment.target import Target
from pipeline.graph import STAGES, Stage

ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "0", "TF_CPP_MIN_LOG_LEVEL": "2"}
# The executors that start a custom job, for the stages of which TFX has one.
CUSTOM_JOBS = {"Trainer": "components.trainer.custom_job.Executor", "Tuner": "components.tuner.custom_job.Executor"}


def with_endpoint(deploy: Deploy, target: Target) -> tuple[Stage, ...]:
    """Returns the stages of the graph, and one more where pushed models are deployed to an endpoint.

    Raises:
        UserError: the project or the region is not known.
    """
    if target.platform != "vertex" or deploy.endpoint is None:
        return STAGES
    endpoint = {
        "name": deploy.endpoint,
        "machine_type": deploy.endpoint_machine,
        "image": deploy.endpoint_image,
        **_place(target, "deploy.endpoint"),
    }
    stage = Stage(
        name="EndpointDeployer",
        component="components.pusher.endpoint.EndpointDeployer",
        inputs={"pushed_model": "Pusher.pushed_model"},
        parameters=lambda run: {"endpoint": endpoint},
    )
    return (*STAGES, stage)


def custom_job(deploy: Deploy, stage: str, target: Target) -> str | None:
    """Returns the custom job of a stage as JSON; None where it runs in the container of its step.

    Raises:
        UserError: the stage cannot run in a custom job, or the project or the region is not known.
    """
    resources = deploy.resources(stage)
    if target.platform != "vertex" or resources.custom_job is None:
        return None
    setting = f"deploy.stages.{stage}.custom_job"
    if stage not in CUSTOM_JOBS:
        raise UserError(f"{setting}: TFX has custom jobs for {listing(list(CUSTOM_JOBS))} alone. Take it out.")
    machine: dict[str, Any] = {"machine_type": resources.custom_job}
    if resources.accelerator:
        machine |= {"accelerator_type": resources.accelerator, "accelerator_count": resources.accelerators}
    environment = [{"name": name, "value": value} for name, value in ENVIRONMENT.items()]
    container = {"image_uri": target.image, "env": environment}
    job_spec: dict[str, Any] = {
        "worker_pool_specs": [{"machine_spec": machine, "replica_count": 1, "container_spec": container}]
    }
    if resources.timeout_minutes:
        job_spec["scheduling"] = {"timeout": f"{resources.timeout_minutes * 60:g}s"}
    return json.dumps({**_place(target, setting), "job_spec": job_spec}, sort_keys=True)


def _place(target: Target, setting: str) -> dict[str, str]:
    if not (target.project and target.region):
        raise UserError(f"{setting} needs the project and the region. Give --project and --region.")
    return {"project": target.project, "region": target.region}

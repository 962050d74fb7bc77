"""Compiles the stages with TFX's KubeflowV2DagRunner to the pipeline spec of Kubeflow Pipelines and Vertex AI.

Beside `pipeline.run.tfx_pipeline` the only module of the pipeline that imports TFX.
"""

import re
from collections.abc import Sequence
from typing import Any

from tfx.orchestration import data_types
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.orchestration.pipeline import Pipeline

from components.base import beam_options
from pipeline.deployment import stage_options, vertex_stages
from pipeline.deployment.context import DeployedContext
from pipeline.deployment.runtime_parameters import PARAMETERS
from pipeline.deployment.target import Target
from pipeline.graph import Stage
from pipeline.run import fingerprints, tfx_pipeline


def compile_stages(context: DeployedContext, target: Target) -> dict[str, Any]:
    """Returns the job of Vertex AI and TFX: the pipeline spec, and the pipeline root."""
    stages = vertex_stages.with_endpoint(context.settings.deploy, target)
    pipeline = Pipeline(
        pipeline_name=pipeline_name(context.settings.name),
        pipeline_root=target.pipeline_root,
        components=_nodes(stages, context, target),
        enable_cache=True,
        beam_pipeline_args=beam_options.arguments(context.settings.beam),
    )
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image=target.image, default_commands=list(stage_options.COMMAND), use_pipeline_spec_2_1=True
    )
    job: dict[str, Any] = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config).run(pipeline, write_out=False)
    stage_options.apply(job["pipelineSpec"], context, target)
    return job


def pipeline_name(name: str) -> str:
    """Returns the name of a run as the platforms accept one: lower-case letters, digits and `-`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "pipeline"


def _nodes(stages: Sequence[Stage], context: DeployedContext, target: Target) -> list[Any]:
    """Returns the TFX nodes, with the runtime parameters and custom jobs among their execution properties."""
    marks, arguments = fingerprints.of_stages(stages, context)
    nodes = tfx_pipeline.nodes(stages, {name: mark.digest for name, mark in marks.items()}, arguments)
    for node in nodes:
        for parameter in PARAMETERS:
            if node.id in parameter.properties:
                value = data_types.RuntimeParameter(parameter.name, parameter.type, description=parameter.description)
                node.exec_properties[parameter.properties[node.id]] = value
        if job := vertex_stages.custom_job(context.settings.deploy, node.id, target):
            node.exec_properties["custom_job"] = job
    return nodes

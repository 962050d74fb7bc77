"""EndpointDeployer: deploys a pushed model to an endpoint of Vertex AI, by TFX's extension for it."""

import json

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.base import stage_report


@component
def EndpointDeployer(
    pushed_model: InputArtifact[standard_artifacts.PushedModel],
    deployed_model: OutputArtifact[standard_artifacts.PushedModel],
    endpoint: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Deploys the model, unless it was not pushed.

    Args:
        pushed_model: the Pusher's output.
        deployed_model: the output, which names the deployed model.
        endpoint: JSON: `name` of the endpoint, which is made if there is none, `project`, `region`, `machine_type`, and
            `image` that serves the model.
        fingerprint: makes TFX's cache depend on the code.
    """
    settings = json.loads(endpoint)
    if not pushed_model.get_int_custom_property("pushed"):
        stage_report.record(deployed_model, "not deployed: the model was not pushed")
        return
    from tfx.extensions.google_cloud_ai_platform import runner  # takes seconds

    version = pushed_model.get_string_custom_property("pushed_version")
    path = pushed_model.get_string_custom_property("pushed_destination").replace("/gcs/", "gs://", 1)
    arguments = {key: settings[key] for key in ("project", "machine_type")} | {"endpoint_name": settings["name"]}
    name = runner.deploy_model_for_aip_prediction(
        serving_path=path,
        model_version_name=f"v{version}",
        ai_platform_serving_args=arguments,
        labels={},
        serving_container_image_uri=settings["image"],
        endpoint_region=settings["region"],
        enable_vertex=True,
    )
    deployed_model.set_string_custom_property("deployed_model", name)
    stage_report.record(deployed_model, f"version {version} deployed to endpoint {settings['name']}")

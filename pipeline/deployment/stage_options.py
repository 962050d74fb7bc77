"""Completes a compiled pipeline spec: defaults of parameters, and by stage resources, retries, cache and environment.

TFX's compiler has no arguments for these. The keys are those of `pipeline_spec.proto` of kubeflow/pipelines.
"""

from typing import Any

from core.config.deployment import Deploy, StageResources
from pipeline.deployment.context import DeployedContext
from pipeline.deployment.runtime_parameters import PARAMETERS, uses_folders
from pipeline.deployment.target import Target
from pipeline.deployment.vertex_stages import CUSTOM_JOBS, ENVIRONMENT

# The command of every container, in front of the arguments of TFX's container entry point.
COMMAND = ("python", "-m", "pipeline.deployment.step")
# Artifacts of Kubeflow Pipelines that its user interface draws, which `pipeline.deployment.step` writes.
SHOWN = {
    "Trainer": {"metrics": "system.Metrics"},
    "Evaluator": {
        "metrics": "system.Metrics",
        "classification_metrics": "system.ClassificationMetrics",
        "report": "system.HTML",
    },
}
_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def apply(spec: dict[str, Any], context: DeployedContext, target: Target) -> None:
    """Completes a pipeline spec in place."""
    spec["defaultPipelineRoot"] = target.pipeline_root
    inputs = spec["root"]["inputDefinitions"]["parameters"]
    for parameter in PARAMETERS:
        default = parameter.default(context)
        inputs[parameter.name] |= {"description": parameter.description}
        inputs[parameter.name] |= {} if default is None else {"defaultValue": default}
    for stage, task in spec["root"]["dag"]["tasks"].items():
        resources = context.settings.deploy.resources(stage)
        component = spec["components"][stage]
        container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        task["cachingOptions"] = {"enableCache": _may_cache(stage, resources)}
        if resources.retries:
            task["retryPolicy"] = {"maxRetryCount": resources.retries, "backoffDuration": "60s", "backoffFactor": 2.0}
        _complete_container(container, resources)
        if "custom_job" in component.get("inputDefinitions", {}).get("parameters", {}):
            arguments = container["args"]
            arguments[arguments.index("--executor_class_path") + 1] = CUSTOM_JOBS[stage]
            container.get("resources", {}).pop("accelerator", None)  # the job has it
        for name, title in SHOWN.get(stage, {}).items():
            if title == "system.ClassificationMetrics" and context.spec.label.task == "regression":
                continue
            shown = {"artifactType": {"schemaTitle": title, "schemaVersion": "0.0.1"}}
            component.setdefault("outputDefinitions", {}).setdefault("artifacts", {})[name] = shown


def _may_cache(stage: str, resources: StageResources) -> bool:
    return not uses_folders(stage) if resources.cache is None else resources.cache


def _complete_container(container: dict[str, Any], resources: StageResources) -> None:
    # TFX's hook looks for spans before ExampleGen runs, on Vertex AI alone. Here ExampleGen itself does so, everywhere.
    container.pop("lifecycle", None)
    container["env"] = [{"name": name, "value": value} for name, value in ENVIRONMENT.items()]
    if resources.timeout_minutes:
        seconds = f"{resources.timeout_minutes * 60:g}"
        container["command"] = ["timeout", "--kill-after=30", seconds, *container["command"]]
    if machine := _machine(resources):
        container["resources"] = machine


def _machine(resources: StageResources) -> dict[str, Any]:
    """Returns the resources by their names in both versions of the backend: as numbers, and as Kubernetes' texts."""
    machine: dict[str, Any] = {}
    if resources.cpu:
        machine |= {"cpuLimit": resources.cpu, "resourceCpuLimit": f"{resources.cpu:g}"}
    if resources.memory:
        size = num_bytes(resources.memory)
        machine |= {"memoryLimit": size / 1e9, "resourceMemoryLimit": str(size)}
    if resources.accelerator:
        kind, count = resources.accelerator, resources.accelerators
        machine["accelerator"] = {"type": kind, "resourceType": kind, "count": str(count), "resourceCount": str(count)}
    return machine


def num_bytes(amount: str) -> int:
    """Returns the number of bytes of an amount such as `2GB` or `1.5 GiB`."""
    number = amount.rstrip("BKMGTikmgt ")
    return int(float(number) * _UNITS[amount[len(number) :].strip().removesuffix("B").upper()])


def kubernetes(spec: dict[str, Any], deploy: Deploy) -> dict[str, Any] | None:
    """Returns what Kubernetes alone knows, volumes, secrets and node selectors; None where there is nothing."""
    executors = {}
    mounts = [
        {"mountPath": path, "pvcNameParameter": {"runtimeValue": {"constant": claim}}}
        for path, claim in deploy.volumes.items()
    ]
    secrets = [
        {
            "secretNameParameter": {"runtimeValue": {"constant": name}},
            "keyToEnv": [{"secretKey": key, "envVar": key} for key in keys],
        }
        for name, keys in deploy.secrets.items()
    ]
    for stage, component in spec["components"].items():
        labels = deploy.resources(stage).node_selector
        options: dict[str, Any] = {"pvcMount": mounts} if mounts else {}
        options |= {"secretAsEnv": secrets} if secrets else {}
        options |= {"nodeSelector": {"labels": dict(labels)}} if labels else {}
        if options:
            executors[component["executorLabel"]] = options
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else None

"""Compiles the pipeline of a small table."""

import pathlib
from typing import Any

from pipeline.config import settings
from pipeline.config.settings import Settings
from pipeline.deployment import compiler, context
from pipeline.deployment.target import Target

KUBEFLOW = Target("kubeflow", "registry/skewless:1", "s3://bucket/runs")
VERTEX = Target("vertex", "registry/skewless:1", "gs://bucket/runs", "a-project", "europe-west4")


def table(folder: pathlib.Path, rows: int = 400, name: str = "trips.csv") -> pathlib.Path:
    """Writes a table whose label is whether `fare` is above 20."""
    path = folder / name
    fares = [(row * 37) % 41 for row in range(rows)]
    lines = [f"{fare},{'north' if row % 3 else 'south'},{int(fare > 20)}" for row, fare in enumerate(fares)]
    path.write_text("\n".join(["fare,zone,tip", *lines]) + "\n")
    return path


def load(data: str | pathlib.Path, *sets: str) -> Settings:
    """Returns a configuration over the table."""
    return settings.load(files=str(data), label="tip", name="trips", sets=sets)


def compile_spec(given: Settings, target: Target = KUBEFLOW) -> dict[str, Any]:
    """Returns the pipeline spec."""
    made, _ = context.make(given, target.pipeline_root)
    spec: dict[str, Any] = compiler.compile_stages(made, target)["pipelineSpec"]
    return spec


def container(spec: dict[str, Any], stage: str) -> dict[str, Any]:
    """Returns the container of a stage."""
    found: dict[str, Any] = spec["deploymentSpec"]["executors"][spec["components"][stage]["executorLabel"]]["container"]
    return found

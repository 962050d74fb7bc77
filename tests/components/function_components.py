"""Runs function components as TFX runs them."""

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

from tests.components import data_stages


def run(
    component: Any, inputs: Mapping[str, types.Artifact], outputs: Mapping[str, types.Artifact], **parameters: str
) -> list[types.Artifact]:
    """Runs a function component's executor, and returns its outputs as TFX publishes them.

    After the function has returned, the executor replaces the outputs by copies.
    """
    executor = component.EXECUTOR_SPEC.executor_class
    published: dict[str, list[types.Artifact]] = {name: [output] for name, output in outputs.items()}
    beam = {"beam_pipeline_args": list(data_stages.BEAM)} if issubclass(executor, BaseBeamExecutor) else {}
    context = executor.Context(tmp_dir="", unique_id="1", **beam)
    given = {name: [artifact] for name, artifact in inputs.items()}
    executor(context).Do(given, published, {"fingerprint": "", **parameters})
    assert all(published[name][0] is not output for name, output in outputs.items())
    return [artifact for artifacts in published.values() for artifact in artifacts]

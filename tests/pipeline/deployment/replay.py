"""Runs the steps of a compiled pipeline in order, as the launcher of Kubeflow Pipelines runs each of them."""

import json
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pipeline.deployment import step


class Replay:
    """The steps of one run.

    Args:
        spec: the compiled pipeline.
        root: the pipeline root.
        parameters: the values that a person gives when he starts the run.
    """

    def __init__(self, spec: Mapping[str, Any], root: pathlib.Path, **parameters: Any) -> None:
        self._spec, self._root = spec, root
        self._tasks = spec["root"]["dag"]["tasks"]
        declared = spec["root"]["inputDefinitions"]["parameters"]
        assert parameters.keys() <= declared.keys()
        defaults = {name: value["defaultValue"] for name, value in declared.items() if "defaultValue" in value}
        self.parameters = defaults | parameters
        self.outputs: dict[str, dict[str, Any]] = {}

    def order(self) -> Iterator[str]:
        """Yields the steps, each after those that it depends on."""
        done: set[str] = set()
        while len(done) < len(self._tasks):
            ready = [name for name, task in self._tasks.items() if done.issuperset(task.get("dependentTasks", []))]
            for name in (name for name in ready if name not in done):
                yield name
                done.add(name)

    def run(self, *steps: str) -> int:
        """Runs the named steps, or all, until one fails; returns the exit code of the last."""
        return next(filter(None, map(self._run_step, steps or list(self.order()))), 0)

    def _run_step(self, name: str) -> int:
        component = self._spec["components"][self._tasks[name]["componentRef"]["name"]]
        container = self._spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        assert container["command"] == ["python", "-m", step.__name__]
        executor_input = self._executor_input(name, component)
        text = json.dumps(executor_input)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", sys.argv)  # the step changes it
            exit_code = step.main([part.replace("{{$}}", text) for part in container["args"]])
        if exit_code == 0:
            output_file = pathlib.Path(executor_input["outputs"]["outputFile"])
            self.outputs[name] = json.loads(output_file.read_text(encoding="utf-8"))["artifacts"]
        return exit_code

    def _executor_input(self, step_name: str, component: Mapping[str, Any]) -> dict[str, Any]:
        inputs = self._tasks[step_name].get("inputs", {})
        artifacts = {}
        for name, given in inputs.get("artifacts", {}).items():
            made = given["taskOutputArtifact"]
            (artifact,) = self.outputs[made["producerTask"]][made["outputArtifactKey"]]["artifacts"]
            # The backend of Kubeflow gives input artifacts no type.
            artifacts[name] = {"artifacts": [{**artifact, "type": {"instanceSchema": ""}}]}
        folder = self._root / step_name
        folder.mkdir(parents=True, exist_ok=True)
        outputs = {"executor-logs": _log(folder)}
        for name, declared in component.get("outputDefinitions", {}).get("artifacts", {}).items():
            artifact = {"name": name, "uri": str(folder / name), "type": declared["artifactType"], "metadata": {}}
            outputs[name] = {"artifacts": [artifact]}
        return {
            "inputs": {
                "parameterValues": {name: self._value(given) for name, given in inputs.get("parameters", {}).items()},
                "artifacts": artifacts,
            },
            "outputs": {"artifacts": outputs, "outputFile": str(folder / "kfp_outputs" / "output_metadata.json")},
        }

    def _value(self, given: Mapping[str, Any]) -> Any:
        if "componentInputParameter" in given:
            return self.parameters[given["componentInputParameter"]]
        return given["runtimeValue"]["constant"]


def _log(folder: pathlib.Path) -> dict[str, Any]:
    """Returns the output that the backend of Kubeflow adds to every step."""
    return {"artifacts": [{"uri": str(folder / "executor-logs"), "type": {"schemaTitle": "system.Artifact"}}]}


def report(artifacts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns the report that a stage has put on one of its outputs."""
    (artifact,) = artifacts[name]["artifacts"]
    found: dict[str, Any] = json.loads(artifact["metadata"]["report"])
    return found

"""Runs the steps of a compiled pipeline in order, as the launcher of Kubeflow Pipelines runs each of them."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[3]


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
        self.properties: dict[str, dict[str, Any]] = {}

    def order(self) -> Iterator[str]:
        """Yields the steps, each after those that it depends on."""
        done: set[str] = set()
        while len(done) < len(self._tasks):
            ready = [name for name, task in self._tasks.items() if done.issuperset(task.get("dependentTasks", []))]
            for name in (name for name in ready if name not in done):
                yield name
                done.add(name)

    def run(self, *steps: str) -> subprocess.CompletedProcess[str]:
        """Runs the named steps, or all; returns how the last one ended."""
        ended = None
        for step in steps or self.order():
            ended = self._run_step(step)
            if ended.returncode:
                break
        assert ended is not None
        return ended

    def _run_step(self, step: str) -> subprocess.CompletedProcess[str]:
        component = self._spec["components"][self._tasks[step]["componentRef"]["name"]]
        container = self._spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        executor_input = self._executor_input(step, component)
        text = json.dumps(executor_input)
        command = [part.replace("{{$}}", text) for part in [*container["command"], *container["args"]]]
        command[command.index("python")] = sys.executable
        environment = {**os.environ, **{variable["name"]: variable["value"] for variable in container["env"]}}
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        output_file = pathlib.Path(executor_input["outputs"]["outputFile"])
        if ended.returncode == 0:
            self.outputs[step] = json.loads(output_file.read_text(encoding="utf-8"))["artifacts"]
        return ended

    def _executor_input(self, step: str, component: Mapping[str, Any]) -> dict[str, Any]:
        inputs = self._tasks[step].get("inputs", {})
        values = {name: self._value(given) for name, given in inputs.get("parameters", {}).items()}
        self.properties[step] = values
        artifacts = {}
        for name, given in inputs.get("artifacts", {}).items():
            made = given["taskOutputArtifact"]
            (artifact,) = self.outputs[made["producerTask"]][made["outputArtifactKey"]]["artifacts"]
            # The backend of Kubeflow gives input artifacts no type.
            artifacts[name] = {"artifacts": [{**artifact, "type": {"instanceSchema": ""}}]}
        folder = self._root / step
        outputs = {"executor-logs": _log(folder)}
        for name, declared in component.get("outputDefinitions", {}).get("artifacts", {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            artifact = {"name": f"{step}-{name}", "uri": str(folder / name), "type": declared["artifactType"]}
            outputs[name] = {"artifacts": [{**artifact, "metadata": {}}]}
        output_file = folder / "kfp_outputs" / "output_metadata.json"
        return {
            "inputs": {"parameterValues": values, "artifacts": artifacts},
            "outputs": {"artifacts": outputs, "outputFile": str(output_file)},
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


def steps(spec: Mapping[str, Any]) -> Sequence[str]:
    """Returns the names of the steps of a compiled pipeline."""
    return sorted(spec["root"]["dag"]["tasks"])

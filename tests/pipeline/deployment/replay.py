"""Runs the steps of a compiled pipeline in order, as the launcher of Kubeflow Pipelines runs each of them.

Before a step, the launcher copies its input artifacts from the pipeline root to local paths, and makes the folders of
its outputs there; afterwards it copies what lies there to the pipeline root.
"""

import json
import pathlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from core import storage
from pipeline.deployment import laid_artifacts, step


class Replay:
    """The steps of one run.

    Args:
        spec: the compiled pipeline.
        root: the URI of the pipeline root.
        scratch: a folder for what is local to one step, which is emptied after it.
        lays: whether artifacts are laid at local paths; if not, the step finds their URIs alone.
        parameters: the values that a person gives when he starts the run.
    """

    def __init__(
        self, spec: Mapping[str, Any], root: str, scratch: pathlib.Path, lays: bool, **parameters: Any
    ) -> None:
        self._spec, self._root, self._scratch, self._lays = spec, root, scratch, lays
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
        outputs = [artifact["uri"] for artifact in _artifacts(executor_input["outputs"])]
        if self._lays:
            for artifact in _artifacts(executor_input["inputs"]):
                storage.fetch(artifact["uri"], self._local(artifact["uri"]))
            for uri in outputs:
                self._local(uri).parent.mkdir(parents=True, exist_ok=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", sys.argv)  # the step changes it
            patch.setattr(step, "_MOUNT_ROOT", str(self._scratch))
            exit_code = step.main([part.replace("{{$}}", text) for part in container["args"]])
        if exit_code == 0:
            output_file = pathlib.Path(executor_input["outputs"]["outputFile"])
            self.outputs[name] = json.loads(output_file.read_text(encoding="utf-8"))["artifacts"]
            for uri in outputs if self._lays else ():
                storage.upload_all(self._local(uri), uri)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return exit_code

    def _local(self, uri: str) -> pathlib.Path:
        return pathlib.Path(laid_artifacts.local_path(uri, str(self._scratch), "/nowhere"))

    def _executor_input(self, step_name: str, component: Mapping[str, Any]) -> dict[str, Any]:
        inputs = self._tasks[step_name].get("inputs", {})
        artifacts = {}
        for name, given in inputs.get("artifacts", {}).items():
            made = given["taskOutputArtifact"]
            (artifact,) = self.outputs[made["producerTask"]][made["outputArtifactKey"]]["artifacts"]
            # The backend of Kubeflow gives input artifacts no type.
            artifacts[name] = {"artifacts": [{**artifact, "type": {"instanceSchema": ""}}]}
        folder = f"{self._root}/{step_name}"
        outputs = {"executor-logs": _log(folder)}
        for name, declared in component.get("outputDefinitions", {}).get("artifacts", {}).items():
            artifact = {"name": name, "uri": f"{folder}/{name}", "type": declared["artifactType"], "metadata": {}}
            outputs[name] = {"artifacts": [artifact]}
        output_file = str(self._scratch / "kfp_outputs" / "output_metadata.json")
        return {
            "inputs": {
                "parameterValues": {name: self._value(given) for name, given in inputs.get("parameters", {}).items()},
                "artifacts": artifacts,
            },
            "outputs": {"artifacts": outputs, "outputFile": output_file},
        }

    def _value(self, given: Mapping[str, Any]) -> Any:
        if "componentInputParameter" in given:
            return self.parameters[given["componentInputParameter"]]
        return given["runtimeValue"]["constant"]


def _artifacts(side: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for artifacts in side["artifacts"].values():
        yield from artifacts["artifacts"]


def _log(folder: str) -> dict[str, Any]:
    """Returns the output that the backend of Kubeflow adds to every step."""
    return {"artifacts": [{"uri": f"{folder}/executor-logs", "type": {"schemaTitle": "system.Artifact"}}]}


def report(artifacts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns the report that a stage has put on one of its outputs."""
    (artifact,) = artifacts[name]["artifacts"]
    found: dict[str, Any] = json.loads(artifact["metadata"]["report"])
    return found

"""Collects what a run left in its folder: summary, configuration, reports of the stages and their artifacts."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any, Self

import yaml

from core import storage
from core.errors import UserError
from models.evaluation import EXPLANATION_FILE, PREDICTIONS_FOLDER
from pipeline.graph import STAGES
from pipeline.run.history import Execution, History
from pipeline.run.run_folder import RunFolder

SPLITS = ("train", "eval", "test")


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What a run left.

    Attributes:
        folder: the files of the run.
        summary: the content of `summary.json`.
        config: the resolved configuration; empty where there is none.
        executions: the executions of the stages that ended in this run, by stage.
    """

    folder: RunFolder
    summary: Mapping[str, Any]
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    executions: Mapping[str, Execution] = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, path: pathlib.Path) -> Self:
        """Returns the record of the last run in a folder.

        Raises:
            UserError: the folder has no summary of a run.
        """
        folder = RunFolder(path.absolute())
        summary = storage.read_json(folder.summary)
        if "status" not in summary:
            raise UserError(
                f"{path} has no summary.json of a run. The folder of a run was expected, such as runs/taxi."
            )
        return cls.of(folder, summary)

    @classmethod
    def of(cls, folder: RunFolder, summary: Mapping[str, Any]) -> Self:
        """Returns the record of the run with this summary."""
        history = History(folder.metadata, str(summary.get("name", "")))
        ended = {stage["name"] for stage in summary.get("stages", ()) if stage["state"] in ("ran", "cached")}
        executions = {stage.name: history.executions(stage.name, most=1) for stage in STAGES if stage.name in ended}
        config = yaml.safe_load(folder.config.read_text(encoding="utf-8")) if folder.config.exists() else {}
        return cls(folder, summary, config or {}, {name: found[0] for name, found in executions.items() if found})

    def report(self, stage: str) -> dict[str, Any]:
        """Returns the report of a stage; an empty one where it did not end."""
        execution = self.executions.get(stage)
        return execution.report if execution else {}

    def uri(self, stage: str, output: str) -> pathlib.Path | None:
        """Returns the folder of an output of a stage; None where there is none. TFX names it by the output."""
        artifacts = self.executions[stage].outputs if stage in self.executions else ()
        folders = (pathlib.Path(artifact.uri) for artifact in artifacts)
        return next((folder for folder in folders if folder.parent.name == output), None)

    @property
    def predictions(self) -> pathlib.Path | None:
        """The folder of the predictions on test; None where there is none."""
        folder = self.uri("Evaluator", "evaluation")
        return folder / PREDICTIONS_FOLDER if folder and (folder / PREDICTIONS_FOLDER).exists() else None

    def parameters(self, stage: str) -> Mapping[str, Any]:
        """Returns the parameters that a stage was given, flat: dotted name to value."""
        execution = self.executions.get(stage)
        return execution.fingerprint.parameters if execution and execution.fingerprint else {}

    @functools.cached_property
    def explanation(self) -> dict[str, Any]:
        """The explanation of the evaluation; an empty one where there is none."""
        folder = self.uri("Evaluator", "evaluation")
        return storage.read_json(folder / EXPLANATION_FILE) if folder else {}

    def missing(self, part: str) -> str:
        """Returns why a part of the explanation is not there, as a sentence."""
        if "Evaluator" not in self.executions:
            return "The Evaluator did not run, so there is nothing to show here."
        reason = self.explanation.get("error") or self.explanation.get("errors", {}).get(part)
        return f"The Evaluator could not compute this: {reason}" if reason else "The Evaluator did not compute this."

    @property
    def label(self) -> str:
        """The name of the label."""
        return str(self.config.get("label", "label"))

    @property
    def task(self) -> str:
        """The task."""
        return str(self.config.get("task", ""))

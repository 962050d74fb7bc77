"""Runs the graph with TFX's BeamDagRunner and tells a display which stage begins, and how it ended."""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import StandardOptions
from tfx.orchestration.beam import beam_dag_runner
from tfx.orchestration.pipeline import Pipeline, RunOptions

from pipeline.run.display import Display
from pipeline.run.fingerprints import RESOLVERS
from pipeline.run.history import CACHED, Execution, History

_FOUND = {"PreviousSpan": "statistics of earlier data to compare with", "Resolver": "a blessed model to beat"}
_FOUND_NONE = {"PreviousSpan": "no earlier data", "Resolver": "no blessed model yet"}


@dataclasses.dataclass
class Outcome:
    """How one stage ended."""

    name: str
    state: str
    seconds: float
    finding: str = ""


class Watch:
    """What is known of the run in progress: stages that ended, and the error that stopped it."""

    def __init__(self, display: Display, history: History):
        """Watches a run for a display; findings are read from the history."""
        self.display = display
        self.history = history
        self.outcomes: list[Outcome] = []
        self.error: BaseException | None = None

    def run(self, stage: str, work) -> None:  # type: ignore[no-untyped-def]
        """Runs the work of a stage and keeps how it ended."""
        self.display.started(stage)
        begun = time.monotonic()
        try:
            work()
        except BaseException as error:
            self.error = error
            self._end(Outcome(stage, "failed", time.monotonic() - begun))
            raise
        executions = self.history.executions(stage, most=2)
        execution = executions[0] if executions else None
        state = _resolved(executions) if stage in RESOLVERS else _executed(execution)
        finding = execution.finding.replace(f"{Path.cwd()}/", "") if execution else ""
        if stage in RESOLVERS:
            finding = _FOUND[stage] if execution and execution.outputs else _FOUND_NONE[stage]
        self._end(Outcome(stage, state, time.monotonic() - begun, finding))
        report = execution.report if execution else {}
        for warning in (*report.get("warnings", ()), *report.get("notes", ())):
            self.display.note(f"! {warning}")

    def _end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.display.finished(outcome.name, outcome.state, outcome.seconds, outcome.finding)


def _executed(execution: Execution | None) -> str:
    return "cached" if execution and execution.state == CACHED else "ran"


def _resolved(executions: Sequence[Execution]) -> str:
    """Returns `cached` where a resolver found what it found the last time: what depends on it stays cached too."""
    found = [[artifact.id for artifact in each.outputs] for each in executions[:2]]
    return "cached" if len(found) == 2 and found[0] == found[1] else "ran"


# Beam pickles the DoFns of a pipeline by their module's name, so the watch cannot travel in one: they look it up here.
_watch: Watch | None = None


class WatchedNode(beam_dag_runner.PipelineNodeAsDoFn):
    """A node of the graph whose beginning and end are seen."""

    def _run_node(self) -> None:
        assert _watch, "a watched node runs outside of run()"
        _watch.run(self._node_id, super()._run_node)


class WatchedRunner(beam_dag_runner.BeamDagRunner):
    """TFX's runner with watched nodes."""

    _PIPELINE_NODE_DO_FN_CLS = WatchedNode


def run(pipeline: Pipeline, watch: Watch, from_stage: str | None = None, to_stage: str | None = None) -> None:
    """Runs the pipeline, or the part of it from one stage to another.

    Raises:
        Exception: what stopped a stage; `watch.error` has it as it was raised, before Beam wrapped it.
    """
    global _watch
    # TFX opens its Beam pipeline without options, and Beam's default runner would first look for a binary to download.
    StandardOptions.DEFAULT_RUNNER = "FnApiRunner"
    _watch = watch
    part = {"from_nodes": from_stage and [from_stage], "to_nodes": to_stage and [to_stage]}
    try:
        WatchedRunner().run(pipeline, run_options=RunOptions(**part) if any(part.values()) else None)
    finally:
        _watch = None

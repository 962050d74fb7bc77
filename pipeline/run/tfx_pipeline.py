"""Builds the TFX pipeline from the declared stages, runs it on Beam, and tells a display how each stage ends.

With `pipeline.deployment.compiler` the only module of the pipeline that imports TFX.
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import StandardOptions
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.beam import beam_dag_runner
from tfx.orchestration.pipeline import Pipeline, RunOptions

from core.config import named_objects
from pipeline.graph import BY_NAME, Stage
from pipeline.run.display import Display
from pipeline.run.fingerprints import Fingerprint
from pipeline.run.history import CACHED, History
from pipeline.run.run_folder import LocalContext
from pipeline.tracking.lineage_events import LineageEvents


@dataclasses.dataclass
class Outcome:
    """How one stage ended.

    Attributes:
        name, state, line: as the display shows them.
        seconds: the time that passed.
        cpu_seconds: the time that the processors worked for it, in this process and in the workers that have ended.
    """

    name: str
    state: str
    seconds: float
    cpu_seconds: float
    line: str = ""


def build(
    stages: Sequence[Stage],
    context: LocalContext,
    fingerprints: Mapping[str, Fingerprint],
    arguments: Mapping[str, Mapping[str, str]],
    beam_arguments: Sequence[str],
    cache: bool = True,
) -> Pipeline:
    """Returns the TFX pipeline of a run.

    Args:
        stages: the stages.
        context: the run.
        fingerprints: the fingerprint of each stage.
        arguments: the arguments of each stage's component that are made from its parameters.
        beam_arguments: the arguments of Beam in the data stages.
        cache: whether results of earlier runs may be used.
    """
    texts = {name: fingerprint.to_json() for name, fingerprint in fingerprints.items()}
    return Pipeline(
        pipeline_name=context.settings.name,
        pipeline_root=str(context.folder.artifacts),
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(context.folder.metadata)),
        components=nodes(stages, texts, arguments),
        enable_cache=cache,
        beam_pipeline_args=list(beam_arguments),
    )


def nodes(
    stages: Sequence[Stage], fingerprints: Mapping[str, str], arguments: Mapping[str, Mapping[str, str]]
) -> list[BaseNode]:
    """Returns the TFX node of each stage; the fingerprints are what TFX's cache compares."""
    made: dict[str, BaseNode] = {}
    for stage in stages:
        outputs = {argument: output.split(".") for argument, output in stage.inputs.items()}
        node = named_objects.load(stage.component)(
            **{argument: made[producer].outputs[key] for argument, (producer, key) in outputs.items()},
            **arguments[stage.name],
            fingerprint=fingerprints[stage.name],
        ).with_id(stage.name)
        for before in stage.after:
            node.add_upstream_node(made[before])
        made[stage.name] = node
    return list(made.values())


class Watch:
    """Records the stages of a run that have ended, and the error that stopped it."""

    def __init__(self, display: Display, history: History, lineage: LineageEvents):
        """Watches a run for a display and for lineage; the results of the stages are read from the history."""
        self.display = display
        self.history = history
        self.lineage = lineage
        self.outcomes: list[Outcome] = []
        self.error: BaseException | None = None
        self.meanwhile = contextlib.ExitStack()

    def run(self, stage: str, work: Callable[[], None]) -> None:
        """Runs the work of a stage and records how it ended."""
        self.display.started(stage)
        self.lineage.started(stage)
        if path := BY_NAME[stage].meanwhile:
            self.meanwhile.enter_context(named_objects.load(path)())
        begun, worked = time.monotonic(), _cpu_seconds()
        try:
            work()
            (execution,) = self.history.executions(stage, most=1)
            cached = execution.state == CACHED
            for artifact in () if cached else execution.outputs:
                artifact.record_files()
        except BaseException as error:
            self.error = error
            self.lineage.stage_ended(stage, None, error)
            self._end(Outcome(stage, "failed", time.monotonic() - begun, _cpu_seconds() - worked))
            raise
        self.lineage.stage_ended(stage, execution)
        line = execution.line.replace(f"{Path.cwd()}/", "")
        state = "cached" if cached else "ran"
        self._end(Outcome(stage, state, time.monotonic() - begun, _cpu_seconds() - worked, line))
        for warning in execution.report.get("warnings", ()):
            self.display.note(f"! {warning}")

    def _end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.display.finished(outcome.name, outcome.state, outcome.seconds, outcome.line)


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


# Beam pickles the DoFns of a pipeline by the name of their module, so a DoFn cannot hold the watch; it is found here.
_watch: Watch | None = None


class WatchedNode(beam_dag_runner.PipelineNodeAsDoFn):
    """A node of the graph that reports its start and its end."""

    def _run_node(self) -> None:
        assert _watch, "a watched node runs outside of run()"
        _watch.run(self._node_id, super()._run_node)


class WatchedRunner(beam_dag_runner.BeamDagRunner):
    """TFX's runner with watched nodes."""

    _PIPELINE_NODE_DO_FN_CLS = WatchedNode


def run(pipeline: Pipeline, watch: Watch, from_stage: str | None = None, to_stage: str | None = None) -> None:
    """Runs the pipeline, or the part of it from one stage to another.

    Raises:
        Exception: the error that stopped a stage; `watch.error` is the same error before Beam wrapped it.
    """
    global _watch
    # TFX opens its Beam pipeline without options, and Beam's default runner would first look for a binary to download.
    StandardOptions.DEFAULT_RUNNER = "FnApiRunner"
    _watch = watch
    part = {"from_nodes": from_stage and [from_stage], "to_nodes": to_stage and [to_stage]}
    try:
        with watch.meanwhile:
            WatchedRunner().run(pipeline, run_options=RunOptions(**part) if any(part.values()) else None)
    finally:
        _watch = None

"""Runs the stages through TFX on Beam, prints the result, and writes the summary of the run."""

import contextlib
import dataclasses
import errno
import json
import os
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from core import storage
from core.errors import GateError, UserError, WorkerLost, chain, internal_error
from pipeline.config import settings
from pipeline.graph import STAGES
from pipeline.reporting import gpu_advice, page
from pipeline.reporting.tensorboard import board
from pipeline.run import summary, terminal
from pipeline.run.fingerprints import Fingerprint
from pipeline.run.request import Request, exit_code
from pipeline.run.run_folder import LocalContext
from pipeline.tracking import mlflow_run
from pipeline.tracking.lineage_events import LineageEvents

if TYPE_CHECKING:
    from pipeline.run.history import Execution
    from pipeline.run.tfx_pipeline import Watch

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = ("disk is full", *(os.strerror(number).casefold() for number in _FULL))


@dataclasses.dataclass
class FullRun:
    """A run that goes through TFX.

    Attributes:
        request: the arguments of the command.
        context: the run; this process holds the lock of its folder.
        fingerprints: the fingerprint of each stage.
        arguments: the arguments of each stage's component that are made from its parameters.
        warnings: messages of the profile, one line each.
        marks: digests by which the next run sees whether anything has changed; they are written to the summary.
        begun: the start of the command, by the monotonic clock.
    """

    request: Request
    context: LocalContext
    fingerprints: Mapping[str, Fingerprint]
    arguments: Mapping[str, Mapping[str, str]]
    warnings: tuple[str, ...]
    marks: Mapping[str, str]
    begun: float

    def __post_init__(self) -> None:
        """Names the run by the current time."""
        self.run_id = time.strftime("%Y%m%d-%H%M%S")
        self.log = self.context.folder.logs / f"{self.run_id}.log"
        self.lineage = LineageEvents(self.context.settings.track.openlineage, self.context)

    def run(self) -> int:
        """Runs the stages, prints and writes the summary; returns the exit code."""
        with terminal.output_to(self.log) as (stdout, stderr):
            console = terminal.console(stderr if self.request.json else stdout)
            watch, error = self._watched(console)
            found = {**self._summary(watch, error), **self.marks}
            try:
                storage.write_json(self.context.folder.summary, found)
            except OSError as unwritten:
                error = error or _cause(unwritten, None)
                found |= {"status": "failed"}
            page.after_run(self.context.folder, found)
            board.after_run(self.context.folder, found)
            self.lineage.run_ended(self._pushed(found), error)
            tracked = () if isinstance(error, (KeyboardInterrupt, WorkerLost)) else self._tracked(found)
            if self.request.json:
                print(json.dumps(found, indent=2, ensure_ascii=False), file=stdout, flush=True)
            elif not isinstance(error, KeyboardInterrupt):
                summary.show(console, found, self.context.folder, self.request.settings.data.files)
            for line in tracked:
                console.print(line, soft_wrap=True)
            if error:
                text = Text.assemble(("error: ", "bold red"), self._message(error))
                terminal.console(stderr).print(text, soft_wrap=True)
        if isinstance(error, (KeyboardInterrupt, WorkerLost)):
            os._exit(exit_code("failed", error))  # threads of Beam may still run, and would keep the process alive
        return exit_code(found["status"], error)

    def _watched(self, console: Console) -> tuple["Watch | None", BaseException | None]:
        """Runs the stages and shows them; returns how they ended, and the error that stopped one."""
        watch = None
        try:
            self.lineage.started()
            settings.write(self.context.settings, self.context.folder.config)
            with terminal.shown_on(console, self.request.quiet) as display:
                for warning in self.warnings:
                    display.note(f"! {warning}")
                display.started("TensorFlow, TFX")
                display.progress("importing", None, None)
                from components.base import beam_engine
                from pipeline.run import tfx_pipeline

                watch = tfx_pipeline.Watch(display, self.context.history, self.lineage)
                to_stage = "StatisticsGen" if self.request.update_schema else self.request.to_stage
                with beam_engine.started(self.context.settings.beam) as beam:
                    pipeline = tfx_pipeline.build(
                        STAGES, self.context, self.fingerprints, self.arguments, beam, self.request.cache
                    )
                    tfx_pipeline.run(pipeline, watch, self.request.from_stage, to_stage)
                if self.request.update_schema:
                    display.note(self._update_schema())
        except BaseException as error:
            with contextlib.suppress(OSError):  # the disk of the log may be full
                traceback.print_exc()  # to the log, which standard error is redirected to
            return watch, _cause(error, watch)
        return watch, None

    def _pushed(self, found: Mapping[str, Any]) -> "Execution | None":
        """Returns the execution that pushed the model of this run."""
        last = self.context.history.executions(STAGES[-1].name, most=1) if found["status"] == "pushed" else ()
        return last[0] if last else None

    def _tracked(self, found: Mapping[str, Any]) -> Iterator[Text]:
        """Logs the run to the servers of the configuration; yields what to tell of that, a line each."""
        lost = [self.lineage.warning] if self.lineage.warning else []
        try:
            address = mlflow_run.after_run(self.context.folder, found, self.context.settings.track)
            if address:
                yield Text.assemble((f"{'mlflow':<11}", "dim"), address)
        except UserError as error:
            lost.append(str(error))
        yield from (Text.assemble(("warning: ", "bold yellow"), text) for text in lost)

    def _update_schema(self) -> str:
        """Writes the inferred schema beside the configuration; returns the changes."""
        from components.schema_gen import curated_schema

        (statistics,) = self.context.history.executions("StatisticsGen", most=1)[0].outputs
        target = self.request.schema_file or self.context.folder.path / "schema.pbtxt"
        splits = [path.name.removeprefix("Split-") for path in sorted(Path(statistics.uri).glob("Split-*"))]
        return curated_schema.update(str(target), statistics.uri, splits, self.context.spec)

    def _summary(self, watch: "Watch | None", error: BaseException | None) -> dict[str, Any]:
        ended = {outcome.name: outcome for outcome in watch.outcomes} if watch else {}
        stages = [
            {
                "name": stage.name,
                "state": outcome.state,
                "seconds": round(outcome.seconds, 2),
                "cpu_seconds": round(outcome.cpu_seconds, 2),
            }
            if (outcome := ended.get(stage.name))
            else {"name": stage.name, "state": "skipped", "seconds": 0.0, "cpu_seconds": 0.0}
            for stage in STAGES
        ]
        found = summary.build(
            name=self.context.settings.name,
            run_id=self.run_id,
            status="failed",
            seconds=time.monotonic() - self.begun,
            features=len(self.context.spec.features),
            stages=stages,
            history=self.context.history,
        )
        found["warnings"] = list(self.warnings)
        found["gpu"] = gpu_advice.advise(found, self.context.settings.gpu)
        if error:
            status = "invalid_data" if isinstance(error, GateError) else "failed"
            return found | {"status": status, "error": self._message(error)}
        if STAGES[-1].name not in ended:
            return found | {"status": "partial"}
        return found | {"status": "pushed" if found["serving"]["version"] else "not_blessed"}

    def _message(self, error: BaseException) -> str:
        if isinstance(error, KeyboardInterrupt):
            return "Stopped. The results of the finished stages are kept: the same command continues from there."
        if isinstance(error, (UserError, GateError)):
            return str(error)
        return (
            f"{internal_error(error)} The stack trace is in {self.log}. The results of the finished stages are kept, "
            "and what was served before is unchanged."
        )


def _cause(error: BaseException, watch: "Watch | None") -> BaseException:
    """Returns the original error: Beam wraps it, and raises Ctrl-C as an error of its own."""
    if isinstance(error, WorkerLost):
        return error
    first = watch.error if watch and watch.error else error
    if isinstance(first, KeyboardInterrupt) or "KeyboardInterrupt" in str(first):
        return KeyboardInterrupt()
    if isinstance(first, (UserError, GateError)):
        return type(first)(str(first).split(" [while running ")[0])
    if any(map(_tells_full_disk, chain(first))):  # recording the failure of a stage fails too
        return UserError(
            "The disk is full. Free some space and start the same command again: it continues after the last stage "
            "that has ended. What was served before is unchanged."
        )
    return first


def _tells_full_disk(error: BaseException) -> bool:
    """Returns whether an error says that a file could not grow: libraries have errors and texts of their own for it."""
    return getattr(error, "errno", None) in _FULL or any(text in str(error).casefold() for text in _FULL_TEXTS)

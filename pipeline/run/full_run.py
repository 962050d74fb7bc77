"""A run through TFX on Beam: the graph is run and watched, and what came of it is summed up, whatever it was."""

import dataclasses
import errno
import json
import os
import shutil
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from core.errors import GateError, UserError
from pipeline.config import settings
from pipeline.profile.resolution import Resolved
from pipeline.run import fingerprints as stages
from pipeline.run import summary, terminal
from pipeline.run.display import Display
from pipeline.run.history import History
from pipeline.run.request import Request, exit_code
from pipeline.run.run_folder import RunFolder, write_json

if TYPE_CHECKING:
    from pipeline.run.orchestration import Watch


@dataclasses.dataclass
class FullRun:
    """A run that goes through TFX.

    Attributes:
        request: what was asked for.
        resolved: the configuration with all roles settled.
        folder: where the run keeps what it makes; held by this process.
        history: what earlier runs left there.
        fingerprints: of all stages.
        marks: what tells a later run that it is asked the same: kept in the summary as it is.
        begun: when the command began, by the monotonic clock.
    """

    request: Request
    resolved: Resolved
    folder: RunFolder
    history: History
    fingerprints: Mapping[str, stages.Fingerprint]
    marks: Mapping[str, str]
    begun: float

    def __post_init__(self) -> None:
        """Names the run by the time."""
        self.run_id = time.strftime("%Y%m%d-%H%M%S")
        self.log = self.folder.logs / f"{self.run_id}.log"

    def run(self) -> int:
        """Runs the graph, and shows and keeps what came of it; returns the exit code."""
        settings.write(self.resolved.settings, self.folder.config)
        with terminal.output_to(self.log) as (stdout, stderr):
            console = terminal.console(stderr if self.request.json else stdout)
            watch, error = self._watched(console)
            found = {**self._summary(watch, error), **self.marks}
            write_json(self.folder.summary, found)
            if self.request.json:
                print(json.dumps(found, indent=2, ensure_ascii=False), file=stdout, flush=True)
            elif not isinstance(error, KeyboardInterrupt):
                summary.show(console, found, self.folder, self.request.settings.data.files)
            if error:
                terminal.console(stderr).print(self._say(error), soft_wrap=True)
        if isinstance(error, KeyboardInterrupt):
            os._exit(exit_code("failed", error))  # Beam's threads may still be at work, and nobody waits for them
        return exit_code(found["status"], error)

    def _watched(self, console: Console) -> tuple["Watch | None", BaseException | None]:
        """Runs the graph and shows it; returns what was seen, and what stopped it."""
        watch = None
        try:
            with terminal.shown_on(console, self.request.quiet) as display:
                for warning in self.resolved.warnings:
                    display.note(f"! {warning}")
                display.started("TensorFlow, TFX")
                display.progress("importing", None, None)
                from pipeline import graph
                from pipeline.run import orchestration

                watch = orchestration.Watch(display, self.history)
                pipeline = graph.build(self.resolved, self.folder, self.fingerprints, self.request.cache)
                orchestration.run(pipeline, watch, self.request.from_stage, self._to_stage())
                self._after(display)
        except BaseException as error:
            traceback.print_exc()  # standard error is the log by now
            return watch, _cause(error, watch)
        return watch, None

    def _to_stage(self) -> str | None:
        return "StatisticsGen" if self.request.update_schema else self.request.to_stage

    def _after(self, display: Display) -> None:
        """Does what is left when the graph has run."""
        self._keep_curves()
        if self.request.update_schema:
            from components.schema_gen import curated_schema

            (statistics,) = self.history.executions("StatisticsGen", most=1)[0].outputs
            target = self.request.schema_file or self.folder.path / "schema.pbtxt"
            splits = [path.name.removeprefix("Split-") for path in sorted(Path(statistics.uri).glob("Split-*"))]
            display.note(curated_schema.update(str(target), statistics.uri, splits, self.resolved.spec))

    def _keep_curves(self) -> None:
        """Copies the newest training curves to where TensorBoard compares them."""
        newest = self.history.executions("Trainer", most=1)
        for artifact in (artifact for execution in newest for artifact in execution.outputs):
            for events in Path(artifact.uri).rglob("events.out.tfevents.*"):
                target = self.folder.tensorboard / f"model-{artifact.id}" / events.parent.relative_to(artifact.uri)
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy2(events, target)

    def _summary(self, watch: "Watch | None", error: BaseException | None) -> dict[str, Any]:
        ended = {outcome.name: outcome for outcome in watch.outcomes} if watch else {}
        return summary.build(
            name=self.resolved.settings.name,
            run_id=self.run_id,
            status=self._status(ended, error),
            seconds=time.monotonic() - self.begun,
            features=len(self.resolved.spec.features),
            stages=[
                {"name": name, "state": outcome.state, "seconds": round(outcome.seconds, 2)}
                if (outcome := ended.get(name))
                else {"name": name, "state": "skipped", "seconds": 0.0}
                for name in stages.NAMES
            ],
            history=self.history,
        )

    def _status(self, ended: Mapping[str, Any], error: BaseException | None) -> str:
        if error:
            return "invalid_data" if isinstance(error, GateError) else "failed"
        if "Pusher" not in ended:
            return "partial"
        return "pushed" if self.history.executions("Pusher", most=1)[0].report.get("version") else "not_blessed"

    def _say(self, error: BaseException) -> Text:
        if isinstance(error, KeyboardInterrupt):
            text = "Stopped. What the finished stages made is kept: the same command goes on from there."
        elif isinstance(error, (UserError, GateError)):
            text = str(error)
        else:
            text = (
                f"Something of ours broke: {type(error).__name__}: {error}\nThe whole story is in {self.log}. "
                "What the finished stages made is kept, and what was served before is untouched."
            )
        return Text.assemble(("error: ", "bold red"), text)


def _cause(error: BaseException, watch: "Watch | None") -> BaseException:
    """Returns what was raised first: Beam wraps it, and even Ctrl-C arrives as an error of its own."""
    first = watch.error if watch and watch.error else error
    if isinstance(first, KeyboardInterrupt) or "KeyboardInterrupt" in str(first):
        return KeyboardInterrupt()
    if isinstance(first, OSError) and first.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"The disk is full: {first.strerror or first}. Free some space and start the same command again."
        )
    if isinstance(first, (UserError, GateError)):
        return type(first)(str(first).split(" [while running ")[0])
    return first

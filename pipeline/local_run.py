"""One run on this machine: is there anything to do, then TFX on Beam, then the summary. TensorFlow comes late."""

import contextlib
import dataclasses
import errno
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import GateError, UserError
from pipeline import stages
from pipeline.folders import RunFolder, read_json, write_json
from pipeline.history import History
from pipeline.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.data_profile import Resolved
    from pipeline.display import Display
    from pipeline.orchestrator import Watch

SETTLED = ("pushed", "up_to_date", "not_blessed")
INTERRUPTED = 130


@dataclasses.dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        settings: the configuration as given, before the data are looked at.
        config: its file; None where flags say it all.
        out: the run's folder; None for `runs/NAME`.
        from_stage, to_stage: the part of the graph to run; None for the ends.
        dry_run: say what would run, and run nothing.
        cache: whether results of earlier runs may be used.
        update_schema: write the inferred schema beside the configuration, and stop there.
        quiet: print no more than the verdict.
        json: print the summary as JSON and nothing else on standard output.
    """

    settings: Settings
    config: Path | None = None
    out: Path | None = None
    from_stage: str | None = None
    to_stage: str | None = None
    dry_run: bool = False
    cache: bool = True
    update_schema: bool = False
    quiet: bool = False
    json: bool = False

    @property
    def whole(self) -> bool:
        """Whether all of the graph is asked for, and the cache may be used."""
        return self.cache and not (self.from_stage or self.to_stage or self.update_schema)


def run(request: Request) -> int:
    """Does what is asked; returns the exit code.

    Raises:
        UserError: before anything slow begins, the configuration or the data turn out to be wrong.
    """
    begun = time.monotonic()
    from components import sources

    settings = request.settings
    folder = RunFolder((request.out or Path("runs") / settings.name).absolute())
    data = folder.data_digest(sources.expand(settings.data.files))
    asked = stages.digest(settings.model_dump(mode="json"), data, stages.code_digest(), _schema_digest(settings))
    last = read_json(folder.summary)
    if request.whole and not request.dry_run and last.get("fingerprint") == asked and _is_settled(last, folder):
        return _say_unchanged(request, folder, last, time.monotonic() - begun)
    from pipeline import data_profile

    resolved = data_profile.resolve(settings)
    fingerprints = _fingerprints(resolved, data, folder)
    history = History(folder.metadata, resolved.settings.name)
    if request.dry_run:
        return _say_plan(request, history, fingerprints)
    folder.make()
    with folder.locked():
        folder.tidy(history)
        return _Run(request, resolved, folder, history, fingerprints, asked, begun).run()


class _Run:
    """A run that goes through TFX."""

    def __init__(
        self,
        request: Request,
        resolved: "Resolved",
        folder: RunFolder,
        history: History,
        fingerprints: Mapping[str, stages.Fingerprint],
        asked: str,
        begun: float,
    ):
        self.request = request
        self.resolved = resolved
        self.folder = folder
        self.history = history
        self.fingerprints = fingerprints
        self.asked = asked
        self.begun = begun
        self.run_id = time.strftime("%Y%m%d-%H%M%S")
        self.log = folder.logs / f"{self.run_id}.log"

    def run(self) -> int:
        """Runs the graph; returns the exit code."""
        from pipeline import settings, summary

        settings.write(self.resolved.settings, self.folder.config)
        with _output_to(self.log) as (stdout, stderr):
            console = _console(stderr if self.request.json else stdout)
            watch, error = self._watched(console)
            found = summary.build(
                name=self.resolved.settings.name,
                run_id=self.run_id,
                status=self._status(watch, error),
                seconds=time.monotonic() - self.begun,
                features=len(self.resolved.spec.features),
                stages=self._stages(watch),
                history=self.history,
            )
            found["fingerprint"] = self.asked
            write_json(self.folder.summary, found)
            if not self.request.json:
                summary.show(console, found, self.folder, self.request.settings.data.files)
            if error:
                self._say_error(_console(stderr), error)
            if self.request.json:
                print(json.dumps(found, indent=2, ensure_ascii=False), file=stdout, flush=True)
            code = _exit_code(found["status"], error)
        if code == INTERRUPTED:  # Beam's threads may still be at work, and nobody waits for them
            os._exit(code)
        return code

    def _watched(self, console: "Console") -> tuple["Watch | None", BaseException | None]:
        """Runs the graph and shows it; returns what was seen, and what stopped it."""
        watch = None
        try:
            with _display(console, self.request) as display:
                for warning in self.resolved.warnings:
                    display.note(f"! {warning}")
                display.started("start")
                display.progress("TensorFlow and TFX are imported", None, None)
                from pipeline import graph, orchestrator

                watch = orchestrator.Watch(display, self.history)
                pipeline = graph.build(self.resolved, self.folder, self.fingerprints, self.request.cache)
                orchestrator.run(pipeline, watch, self.request.from_stage, self._to_stage())
                self._keep_curves()
                if self.request.update_schema:
                    display.note(self._update_schema())
        except BaseException as error:
            traceback.print_exc()  # standard error is the log by now
            return watch, _cause(error, watch)
        return watch, None

    def _to_stage(self) -> str | None:
        return "SchemaGen" if self.request.update_schema else self.request.to_stage

    def _status(self, watch: "Watch | None", error: BaseException | None) -> str:
        if isinstance(error, GateError):
            return "invalid_data"
        if error:
            return "failed"
        ended = {outcome.name for outcome in watch.outcomes} if watch else set()
        if "Pusher" not in ended:
            return "partial"
        pusher = next(iter(self.history.executions("Pusher")))
        return "pushed" if pusher.report.get("version") else "not_blessed"

    def _stages(self, watch: "Watch | None") -> list[dict[str, Any]]:
        ended = {outcome.name: outcome for outcome in watch.outcomes} if watch else {}
        return [
            {"name": name, "state": outcome.state, "seconds": round(outcome.seconds, 2)}
            if (outcome := ended.get(name))
            else {"name": name, "state": "skipped", "seconds": 0.0}
            for name in stages.NAMES
        ]

    def _keep_curves(self) -> None:
        """Copies the newest training curves to where TensorBoard compares them."""
        trainer = next(iter(self.history.executions("Trainer")), None)
        for artifact in trainer.outputs if trainer else ():
            for events in Path(artifact.uri).rglob("events.out.tfevents.*"):
                target = self.folder.tensorboard / f"model-{artifact.id}" / events.parent.relative_to(artifact.uri)
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy2(events, target)

    def _update_schema(self) -> str:
        from components import schema_gen

        (schema,) = next(iter(self.history.executions("SchemaGen"))).outputs
        target = _schema_file(self.request, self.folder)
        return schema_gen.update(str(target), str(Path(schema.uri) / "schema.pbtxt"))

    def _say_error(self, console: "Console", error: BaseException) -> None:
        from rich.text import Text

        if isinstance(error, KeyboardInterrupt):
            text = "Stopped. What the finished stages made is kept: the same command goes on from there."
        elif isinstance(error, (UserError, GateError)):
            text = str(error)
        else:
            text = (
                f"Something of ours broke: {type(error).__name__}: {error}\nThe whole story is in {self.log}. "
                "What the finished stages made is kept, and what was served before is untouched."
            )
        console.print(Text.assemble(("error: ", "bold red"), text), soft_wrap=True)


def _say_unchanged(request: Request, folder: RunFolder, last: dict[str, Any], seconds: float) -> int:
    """Says that nothing has changed since the last run, with that run's verdict; returns the exit code."""
    status = "not_blessed" if last["status"] == "not_blessed" else "up_to_date"
    states = [{"name": stage["name"], "state": "cached", "seconds": 0.0} for stage in last["stages"]]
    last = {**last, "status": status, "seconds": round(seconds, 2), "stages": states}
    write_json(folder.summary, last)
    if request.json:
        print(json.dumps(last, indent=2, ensure_ascii=False))
    else:
        from pipeline import summary

        console = _console(sys.stdout)
        console.print("Nothing has changed since the last run: neither the data nor the configuration nor the code.")
        summary.show(console, last, folder, request.settings.data.files)
    return _exit_code(status, None)


def _say_plan(request: Request, history: History, fingerprints: Mapping[str, stages.Fingerprint]) -> int:
    from pipeline.plan import plan

    steps = plan(history, fingerprints, request.cache)
    if request.json:
        print(json.dumps([dataclasses.asdict(step) for step in steps], indent=2, ensure_ascii=False))
    else:
        from pipeline.display import table

        rows = [(step.stage, step.state, step.why) for step in steps]
        _console(sys.stdout).print(table(["stage", "would", "because"], rows, figures=False))
    return 0


def _fingerprints(resolved: "Resolved", data: str, folder: RunFolder) -> dict[str, stages.Fingerprint]:
    """Returns the stages' fingerprints; the Pusher's knows what is served now, when that came from another model."""
    first = stages.fingerprints(stages.parameters(resolved, data, 0))
    served = folder.newest_version()
    pushed = read_json(folder.serving / str(served) / "assets.extra" / "skewless.json")
    if pushed.get("trainer") == first["Trainer"].digest:
        served = int(pushed.get("replaced", 0))
    return stages.fingerprints(stages.parameters(resolved, data, served))


def _is_settled(last: Mapping[str, Any], folder: RunFolder) -> bool:
    """Tells whether the last run came to a verdict whose result is still there."""
    version = last.get("serving", {}).get("version")
    served = version and (folder.serving / str(version) / "saved_model.pb").exists()
    return last.get("status") in SETTLED and bool(served or last["status"] == "not_blessed")


def _schema_file(request: Request, folder: RunFolder) -> Path:
    if request.settings.schema_file:
        return Path(request.settings.schema_file)
    return request.config.with_suffix(".schema.pbtxt") if request.config else folder.path / "schema.pbtxt"


def _schema_digest(settings: Settings) -> str:
    path = settings.schema_file
    return stages.file_digest(path) if path and Path(path).exists() else ""


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


def _exit_code(status: str, error: BaseException | None) -> int:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, (UserError, GateError)):
        return error.exit_code
    return {"failed": 1, "not_blessed": 3}.get(status, 0)


@contextlib.contextmanager
def _output_to(log: Path) -> Iterator[tuple[Any, Any]]:
    """Sends all that libraries print, from Python or from C++, to a file; yields the real standard output and error."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with open(log, "ab") as file, os.fdopen(os.dup(1), "w") as stdout, os.fdopen(os.dup(2), "w") as stderr:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield stdout, stderr
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, original in zip((1, 2), kept, strict=True):
                os.dup2(original, number)
                os.close(original)


def _console(file: Any) -> "Console":
    from rich.console import Console

    return Console(file=file, highlight=False, width=None if file.isatty() else 120)


def _display(console: "Console", request: Request) -> "Display":
    """Returns what shows the run: redrawn on a terminal, plain lines elsewhere, nothing when it has to be quiet."""
    import logging

    from models import progress
    from pipeline import display

    shown = (
        display.Quiet(console)
        if request.quiet
        else (display.LiveDisplay if console.is_terminal else display.Display)(console)
    )
    progress.logger.setLevel(logging.INFO)
    progress.logger.propagate = False
    progress.logger.handlers[:] = [display.ProgressHandler(shown)]
    return shown

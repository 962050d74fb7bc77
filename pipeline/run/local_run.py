"""One run on this machine: is there anything to do? Then TFX on Beam. TensorFlow is imported for that alone."""

import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UserError
from pipeline.config.settings import Settings
from pipeline.run import fingerprints as stages
from pipeline.run.history import History
from pipeline.run.request import Request, exit_code
from pipeline.run.run_folder import RunFolder, read_json, write_json

if TYPE_CHECKING:
    from pipeline.profile.resolution import Resolved

SETTLED = ("pushed", "up_to_date", "not_blessed")


def run(request: Request) -> int:
    """Does what is asked; returns the exit code.

    Raises:
        UserError: the configuration or the data turn out to be wrong before anything slow begins.
    """
    begun = time.monotonic()
    import ingest

    folder = RunFolder((request.out or Path("runs") / request.settings.name).absolute())
    asked = request.settings.data
    data = folder.data_digest(ingest.expand(asked.files, asked.spans) + ingest.files_in_query(asked.query))
    marks = _marks(request.settings, data)
    last = read_json(folder.summary)
    if request.whole and last.get("fingerprint") == marks["fingerprint"] and _is_settled(last, folder):
        return _say_unchanged(request, folder, last, time.monotonic() - begun)
    resolved = _resolve(request, folder, last, marks)
    fingerprints = _fingerprints(resolved, data, folder)
    history = History(folder.metadata, resolved.settings.name)
    if request.dry_run:
        return _say_plan(request, history, fingerprints)
    from pipeline.run.full_run import FullRun

    folder.make()
    with folder.locked():
        folder.tidy(history)
        if not request.cache:
            folder.forget()
        return FullRun(request, resolved, folder, history, fingerprints, marks, begun).run()


def _marks(settings: Settings, data: str) -> dict[str, str]:
    """Returns what tells a later run that it is asked the same: with the same data and code, or of any data."""
    configuration = stages.digest(settings.model_dump(mode="json"))
    schema = settings.schema_file
    schema = stages.file_digest(schema) if schema and Path(schema).exists() else ""
    return {
        "fingerprint": stages.digest(configuration, data, schema, stages.code_digest()),
        "configuration": configuration,
    }


def _is_settled(last: Mapping[str, Any], folder: RunFolder) -> bool:
    """Tells whether the last run came to a verdict whose result is still there."""
    version = last.get("serving", {}).get("version")
    served = version and (folder.serving / str(version) / "saved_model.pb").exists()
    return last.get("status") in SETTLED and bool(served or last["status"] == "not_blessed")


def _resolve(request: Request, folder: RunFolder, last: Mapping[str, Any], marks: Mapping[str, str]) -> "Resolved":
    """Settles the columns' roles: as the last run had them where it was asked the same, whatever new data look like.

    A later span must not silently change what a feature is. `--no-cache` settles them anew.
    """
    from pipeline.config import settings as configuration
    from pipeline.profile import resolution

    known = last.get("configuration") == marks["configuration"] and folder.config.exists()
    if not known or not request.cache:
        return resolution.resolve(request.settings)
    try:
        return resolution.resolve(configuration.load(folder.config))
    except UserError as error:
        raise UserError(
            f"{error} (The columns' roles are those of the last run, in {folder.config}. "
            "To settle them anew, run with --no-cache.)"
        ) from None


def _fingerprints(resolved: "Resolved", data: str, folder: RunFolder) -> dict[str, stages.Fingerprint]:
    """Returns the stages' fingerprints; the Pusher's knows what is served now, when that came from another model."""
    first = stages.fingerprints(stages.parameters(resolved, data, 0))
    served = folder.newest_version()
    pushed = read_json(folder.serving / str(served) / "assets.extra" / "skewless.json")
    if pushed.get("trainer") == first["Trainer"].digest:
        served = int(pushed.get("replaced", 0))
    return stages.fingerprints(stages.parameters(resolved, data, served))


def _say_unchanged(request: Request, folder: RunFolder, last: dict[str, Any], seconds: float) -> int:
    """Says that nothing has changed since the last run, with that run's verdict; returns the exit code."""
    status = "not_blessed" if last["status"] == "not_blessed" else "up_to_date"
    states = [{"name": stage["name"], "state": "cached", "seconds": 0.0} for stage in last["stages"]]
    last = {**last, "status": status, "seconds": round(seconds, 2), "stages": states}
    write_json(folder.summary, last)
    if request.json:
        print(json.dumps(last, indent=2, ensure_ascii=False))
    else:
        from pipeline.run import summary, terminal

        console = terminal.console(sys.stdout)
        if not request.quiet:
            console.print(
                "Nothing has changed since the last run: neither the data nor the configuration nor the code."
            )
        summary.show(console, last, folder, request.settings.data.files)
    return exit_code(status)


def _say_plan(request: Request, history: History, fingerprints: Mapping[str, stages.Fingerprint]) -> int:
    """Says what a run would do; returns the exit code."""
    from pipeline.run.plan import plan

    steps = plan(history, fingerprints, request.cache)
    if request.json:
        print(json.dumps([dataclasses.asdict(step) for step in steps], indent=2, ensure_ascii=False))
    else:
        from pipeline.run import display, terminal

        rows = [(step.stage, step.state, step.why) for step in steps]
        terminal.console(sys.stdout).print(display.table(["stage", "would", "because"], rows, figures=False))
    return 0

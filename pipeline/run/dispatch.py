"""Runs the pipeline on this machine. TensorFlow is imported only where stages have to run."""

import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ingest
from core import digests, storage
from core.errors import UserError
from pipeline.config.settings import Settings
from pipeline.graph import STAGES
from pipeline.run import code_dependencies, fingerprints
from pipeline.run.fingerprints import Fingerprint
from pipeline.run.history import History
from pipeline.run.request import Request, exit_code
from pipeline.run.run_folder import LocalContext, RunFolder

if TYPE_CHECKING:
    from pipeline.profile.resolution import Resolved

SETTLED = ("pushed", "up_to_date", "not_blessed")


def run(request: Request) -> int:
    """Runs what a command asks for; returns the exit code.

    Raises:
        UserError: the configuration or the data are wrong, which is found before anything slow begins.
    """
    begun = time.monotonic()
    folder = RunFolder((request.out or Path("runs") / request.settings.name).absolute())
    data = request.settings.data
    data_digest = folder.data_digest(ingest.expand(data.files, data.spans) + ingest.files_in_query(data.query))
    marks = _marks(request.settings, data_digest)
    last = storage.read_json(folder.summary)
    if request.whole and last.get("fingerprint") == marks["fingerprint"] and _is_settled(last, folder):
        return _print_unchanged(request, folder, last, time.monotonic() - begun)
    resolved = _resolve(request, folder, last, marks)
    history = History(folder.metadata, resolved.settings.name)
    context = LocalContext(
        resolved.settings, resolved.spec, resolved.source, data_digest, folder=folder, history=history
    )
    found, arguments = fingerprints.of_stages(STAGES, context)
    if request.dry_run:
        return _print_plan(request, history, found)
    from pipeline.run.full_run import FullRun

    folder.make()
    with folder.locked():
        folder.tidy(history.unfinished())
        if not request.cache:
            folder.clear_cache()
        return FullRun(request, context, found, arguments, resolved.warnings, marks, begun).run()


def _marks(settings: Settings, data_digest: str) -> dict[str, str]:
    """Returns digests for the next run: of everything that this run depends on, and of the configuration alone."""
    configuration = digests.of_values(settings.model_dump(mode="json"))
    schema = settings.schema_file
    schema_digest = digests.of_file(schema) if schema and Path(schema).exists() else ""
    project = code_dependencies.digest_of_project()
    return {
        "fingerprint": digests.of_values(configuration, data_digest, schema_digest, project),
        "configuration": configuration,
    }


def _is_settled(last: Mapping[str, Any], folder: RunFolder) -> bool:
    """Returns whether the last run ended with a verdict, and the model that it pushed is still there."""
    version = last.get("serving", {}).get("version")
    served = version and (folder.serving / str(version) / "saved_model.pb").exists()
    return last.get("status") in SETTLED and bool(served or last["status"] == "not_blessed")


def _resolve(request: Request, folder: RunFolder, last: Mapping[str, Any], marks: Mapping[str, str]) -> "Resolved":
    """Resolves the roles of the columns; those of the last run are kept where it had the same configuration.

    A later span must not change the role of a feature without notice. `--no-cache` infers the roles again.
    """
    from pipeline.config import settings
    from pipeline.profile import resolution

    known = last.get("configuration") == marks["configuration"] and folder.config.exists()
    if not known or not request.cache:
        return resolution.resolve(request.settings)
    try:
        return resolution.resolve(settings.load(folder.config))
    except UserError as error:
        raise UserError(
            f"{error} (The columns' roles are those of the last run, in {folder.config}. "
            "To infer them again, run with --no-cache.)"
        ) from None


def _print_unchanged(request: Request, folder: RunFolder, last: dict[str, Any], seconds: float) -> int:
    """Prints the verdict of the last run, since nothing has changed; returns the exit code."""
    status = "not_blessed" if last["status"] == "not_blessed" else "up_to_date"
    states = [{"name": stage["name"], "state": "cached", "seconds": 0.0} for stage in last["stages"]]
    last = {**last, "status": status, "seconds": round(seconds, 2), "stages": states}
    storage.write_json(folder.summary, last)
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


def _print_plan(request: Request, history: History, wanted: Mapping[str, Fingerprint]) -> int:
    """Prints which stages would run; returns the exit code."""
    from pipeline.run.plan import plan

    steps = plan(STAGES, history, wanted, request.cache)
    if request.json:
        print(json.dumps([dataclasses.asdict(step) for step in steps], indent=2, ensure_ascii=False))
    else:
        from pipeline.run import display, terminal

        rows = [(step.stage, step.state, step.why) for step in steps]
        terminal.console(sys.stdout).print(display.table(["stage", "would", "because"], rows, figures=False))
    return 0

"""Runs the pipeline on this machine. TensorFlow is imported only where stages have to run."""

import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ingest
from core import digests, storage
from core.errors import UserError
from ingest import hive
from models.serving import model_versions
from models.training import workers
from models.tuning import parallel_trials
from pipeline.config.settings import Settings
from pipeline.graph import STAGES
from pipeline.monitoring import retraining
from pipeline.run import code_dependencies, fingerprints
from pipeline.run.fingerprints import Fingerprint
from pipeline.run.history import History
from pipeline.run.plan import check_part, discard_damaged, plan
from pipeline.run.request import Request, exit_code
from pipeline.run.run_folder import LocalContext, RunFolder, digest_of_content
from pipeline.tracking import lineage_events, mlflow_run

if TYPE_CHECKING:
    from pipeline.profile.resolution import Resolved

SETTLED = ("pushed", "up_to_date", "not_blessed")


def run(request: Request) -> int:
    """Runs what a command asks for; returns the exit code.

    Raises:
        UserError: the configuration or the data are wrong, which is found before anything slow begins.
    """
    begun = time.monotonic()
    workers.check_one()
    parallel_trials.check(request.settings.model.family)
    folder = RunFolder(request.folder.absolute())
    folder.check_loadable()
    if parallel_trials.role() == "worker" and not request.dry_run:
        return _train_trials(request, folder)
    data = request.settings.data
    files = ingest.expand(data.files, data.spans)
    folders = [hive.values(file) for file in files] if data.hive != () else []  # their names may be columns
    content = folder.data_digest(files + ingest.files_in_query(data.query), request.cache)
    data_digest = digests.of_values(content, folders)
    stale = retraining.reason(folder.serving, data_digest, request.alarms) if request.if_stale else ""
    if request.if_stale and not stale:
        return _print_not_stale(request, folder)
    compared = _compared_version(folder, request.compare_to)
    marks = _marks(request.settings, data_digest, compared)
    last = storage.read_json(folder.summary)
    history = History(folder.metadata, request.settings.name)
    history.recover()
    unchanged = last.get("status") in SETTLED and last.get("fingerprint") == marks["fingerprint"]
    if request.whole and unchanged and not _is_damaged(history, request.verify):
        return _print_unchanged(request, folder, last, time.monotonic() - begun)
    if not request.dry_run:
        for tracker in (mlflow_run, lineage_events):
            tracker.check(request.settings.track)
    resolved = _resolve(request, folder, last, marks)
    context = LocalContext(
        resolved.settings,
        resolved.spec,
        resolved.source,
        data_digest,
        folder=folder,
        history=history,
        compared_version=compared,
    )
    if request.from_stage:
        check_part(STAGES, history, request.from_stage, request.to_stage, request.verify)
    found, arguments = fingerprints.of_stages(STAGES, context)
    if request.dry_run:
        for warning in resolved.warnings:
            print(f"! {warning}", file=sys.stderr)
        return _print_plan(request, history, found)
    from pipeline.run.full_run import FullRun

    folder.make()
    with folder.locked():
        names = ", ".join(folder.tidy(history.finished()))
        notes = [f"An earlier run was stopped: the unfinished files of {names} were removed."] if names else []
        if request.cache:
            notes += discard_damaged(STAGES, history, found, request.verify)
        else:
            folder.clear_cache()
        notes += [f"The served model is stale: {stale}."] if stale else []
        warnings = (*resolved.warnings, *notes)
        return FullRun(request, context, found, arguments, warnings, marks, begun).run()


def _train_trials(request: Request, folder: RunFolder) -> int:
    """Trains trials for the run in another process that has the same folder; returns the exit code."""
    from pipeline.run import terminal

    folder.make()
    with terminal.output_to(folder.logs / f"{os.environ[parallel_trials.NAME]}.log") as (stdout, stderr):
        console = terminal.console(stderr if request.json else stdout)
        with terminal.shown_on(console, request.quiet) as display:
            display.note(f"This process trains trials for the chief at {parallel_trials.address()}.")
            display.started("Tuner")
            from components.tuner import worker

            display.note(worker.train(str(folder.tuner)))
    return 0


def _compared_version(folder: RunFolder, version: int | None) -> str:
    """Returns the folder of the version that the candidate is compared with; empty for the newest.

    Raises:
        UserError: there is no such version.
    """
    if version is None:
        return ""
    if version not in model_versions.versions(folder.serving):
        served = ", ".join(map(str, sorted(model_versions.versions(folder.serving)))) or "none"
        raise UserError(f"--compare-to {version}: there is no such version in {folder.serving}. Served are: {served}.")
    return str(folder.serving / str(version))


def _marks(settings: Settings, data_digest: str, compared: str) -> dict[str, str]:
    """Returns digests for the next run: of everything that this run depends on, and of the configuration alone."""
    configuration = digests.of_values(settings.model_dump(mode="json"))
    schema_digest = digest_of_content(settings.schema_file) if settings.schema_file else ""
    project = code_dependencies.digest_of_project()
    return {
        "fingerprint": digests.of_values(configuration, data_digest, schema_digest, project, compared),
        "configuration": configuration,
    }


def _is_damaged(history: History, contents: bool) -> bool:
    """Returns whether a result of the last run is damaged: an output of a stage, or the version that it pushed."""
    last = (execution for stage in STAGES for execution in history.executions(stage.name, most=1))
    return any(execution.damage(contents) for execution in last)


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


def _print_not_stale(request: Request, folder: RunFolder) -> int:
    """Prints that the served model needs no training; returns the exit code."""
    version = model_versions.labels(folder.serving).stable
    if request.json:
        print(json.dumps({"name": request.settings.name, "status": "up_to_date", "version": version}, indent=2))
    elif not request.quiet:
        print(f"Version {version} in {folder.serving} is not stale, so nothing was run.")
    return exit_code("up_to_date")


def _print_unchanged(request: Request, folder: RunFolder, last: dict[str, Any], seconds: float) -> int:
    """Prints the verdict of the last run, since nothing has changed; returns the exit code."""
    from pipeline.reporting import page

    status = "not_blessed" if last["status"] == "not_blessed" else "up_to_date"
    stages = last["stages"]
    states = [{"name": stage["name"], "state": "cached", "seconds": 0.0, "cpu_seconds": 0.0} for stage in stages]
    last = {**last, "status": status, "seconds": round(seconds, 2), "stages": states}
    with contextlib.suppress(OSError):  # the verdict holds where the folder cannot be written to
        storage.write_json(folder.summary, last)
    page.after_run(folder, last)
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
    steps = plan(STAGES, history, wanted, request.cache, request.verify)
    if request.json:
        print(json.dumps([dataclasses.asdict(step) for step in steps], indent=2, ensure_ascii=False))
    else:
        from pipeline.run import display, terminal

        rows = [(step.stage, step.state, step.why) for step in steps]
        terminal.console(sys.stdout).print(display.table(["stage", "would", "because"], rows, figures=False))
    return 0

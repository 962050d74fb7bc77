"""Makes the values from which the parameters of the stages are made, for runs in containers on other machines."""

import dataclasses
import os
from pathlib import Path

import ingest
from core.config.deployment import Deploy
from core.errors import UserError
from core.spec import Label
from pipeline.config.settings import Settings
from pipeline.deployment.runtime_parameters import UNNAMED
from pipeline.profile import resolution
from pipeline.profile.resolution import Resolved
from pipeline.run_context import RunContext

# The folder of the project, which is the working directory of the image.
ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeployedContext(RunContext):
    """A run in containers: no path is one of this machine, and the stages find what earlier runs have left.

    Attributes:
        serving_folder: the folder of the served versions.
        cache_folder: the URI of the folder of results for single files.
    """

    serving_folder: str
    cache_folder: str

    def serving(self) -> str:
        """Returns the folder of the served versions."""
        return self.serving_folder

    def search(self) -> dict[str, str]:
        """Returns a folder in the container: a search that was stopped begins again."""
        return {"directory": "/tmp/search", "logs": ""}

    def backup(self, stage: str) -> str:
        """Returns the folder of the backups of a training, which another container goes on with."""
        return f"{self.cache_folder}/{stage}"

    def cache(self, stage: str) -> str:
        """Returns the folder of the statistics of single files, where a later run reads the same files again."""
        return f"{self.cache_folder}/{stage}" if stage == "statistics" and self.source.grows else ""

    def champion(self) -> str:
        """Returns the folder of the served versions: the champion is the newest when the stage runs."""
        return self.serving_folder

    def warm_start(self) -> str:
        """Returns none: the run may be the first one, and is compiled before it is known what is served."""
        return ""

    def previous_statistics(self) -> str:
        """Returns the folder of the served versions: drift is measured from the newest when the stage runs."""
        return self.serving_folder


def make(settings: Settings, pipeline_root: str) -> tuple[DeployedContext, tuple[str, ...]]:
    """Resolves a configuration for a pipeline root, and returns its context, and messages for the user.

    Raises:
        UserError: the configuration or the data are wrong, or a file is needed that containers do not have.
    """
    resolved = _without_data(settings) or resolution.resolve(settings)
    data = resolved.source.data
    files = [_portable(file, settings.deploy) for file in settings.data.files]
    warnings = resolved.warnings
    if None in files:
        warnings += (
            f"{', '.join(settings.data.files)} is on this machine, where containers do not find it: the parameter "
            "data_files has no default, and has to be given when a run is started.",
        )
    named = (UNNAMED,) if None in files else tuple(files)
    source = dataclasses.replace(resolved.source, files=(), data=data.model_copy(update={"files": named}))
    _check_query(settings)
    serving_folder = settings.deploy.serving_folder or f"{pipeline_root}/{settings.name}/serving"
    context = DeployedContext(
        resolved.settings.model_copy(update={"schema_file": _schema_file(settings)}),
        resolved.spec,
        source,
        data_digest="",
        serving_folder=serving_folder,
        cache_folder=f"{pipeline_root}/{settings.name}/cache",
    )
    return context, warnings


def _without_data(settings: Settings) -> Resolved | None:
    """Returns what follows from a configuration that leaves nothing open, as a run writes it; None for another one.

    ExampleGen then finds out how the files are written, and reads the columns with the types of the configuration.
    """
    used = {column: options for column, options in settings.features.items() if options.kind != "ignore"}
    is_open = any(options.kind is None or options.type is None for options in used.values())
    has_label = settings.task == "regression" or (settings.task is not None and settings.classes)
    if settings.other_columns != "ignore" or not used or is_open or not has_label or settings.task is None:
        return None
    if settings.task == "regression":
        label = Label(settings.label, settings.task, "float")
    else:
        are_numbers = all(name.lstrip("-").isdecimal() and str(int(name)) == name for name in settings.classes)
        label = Label(settings.label, settings.task, "int" if are_numbers else "text", settings.classes)
    rows = "data" if settings.data.query is None else f"({settings.data.query.rstrip().rstrip(';')}\n)"
    labelled = f"SELECT * FROM {rows} WHERE {ingest.identifier(settings.label)} IS NOT NULL"
    source = ingest.Source((), (), settings.data.model_copy(update={"query": labelled}))
    return Resolved(settings, resolution.spec_of(settings, label), source, {}, ())


def _portable(path: str, deploy: Deploy) -> str | None:
    """Returns a path or pattern as containers find it; None for one of this machine alone."""
    mounted = tuple(f"{mount.rstrip('/')}/" for mount in ("/gcs", *deploy.volumes))
    if path.startswith(("package:", *mounted)) or "://" in path:
        return path
    absolute = Path(os.path.abspath(os.path.expanduser(path)))
    return str(absolute.relative_to(ROOT)) if absolute.is_relative_to(ROOT) else None


def _schema_file(settings: Settings) -> str | None:
    """Returns the path of the curated schema; UserError where containers do not have it."""
    found = settings.schema_file and _portable(settings.schema_file, settings.deploy)
    if settings.schema_file and not found:
        raise UserError(
            f"schema_file: {settings.schema_file} is on this machine, where containers do not find it. Put it into the "
            "project's folder, which the image has."
        )
    return found


def _check_query(settings: Settings) -> None:
    """Raises UserError where the query reads a file that containers do not have under the same name."""
    query = settings.data.query
    for file in ingest.files_in_query(query):
        found = _portable(file, settings.deploy)
        if found is None or (file in str(query) and found != file):
            raise UserError(
                f"data.query reads {file}, where containers do not find it. Put the file into the project's folder, "
                "which the image has, and write its path from there."
            )

"""Holds the arguments of `run_local.py`, and the exit codes of a run."""

import dataclasses
from pathlib import Path

from core.errors import GateError, UserError
from pipeline.config.settings import Settings

INTERRUPTED = 130


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of the command.

    Attributes:
        settings: the configuration as given, before it is resolved.
        config: its file; None where flags say it all.
        out: the folder of the run; None for `runs/NAME`.
        from_stage, to_stage: the part of the graph to run; None for the ends.
        if_stale: run only where the served model is stale.
        alarms: a report of `monitor.py` whose alarms make the served model stale; None without one.
        compare_to: the served version that the candidate is compared with; None for the newest.
        dry_run: print which stages would run, and run nothing.
        cache: whether results of earlier runs may be used.
        verify: whether the contents of their files are compared with the digests, and not their sizes alone.
        update_schema: write the inferred schema beside the configuration, and end there.
        quiet: print only the result.
        json: print the summary as JSON and nothing else on standard output.
    """

    settings: Settings
    config: Path | None = None
    out: Path | None = None
    from_stage: str | None = None
    to_stage: str | None = None
    if_stale: bool = False
    alarms: Path | None = None
    compare_to: int | None = None
    dry_run: bool = False
    cache: bool = True
    verify: bool = False
    update_schema: bool = False
    quiet: bool = False
    json: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.out or Path("runs") / self.settings.name

    @property
    def whole(self) -> bool:
        """Whether all stages are asked for, and the cache may be used."""
        return self.cache and not (self.from_stage or self.to_stage or self.update_schema or self.dry_run)

    @property
    def schema_file(self) -> Path | None:
        """The curated schema: as configured, or beside the configuration; None where there is no configuration."""
        if self.settings.schema_file:
            return Path(self.settings.schema_file)
        return self.config.with_suffix(".schema.pbtxt") if self.config else None


def exit_code(status: str, error: BaseException | None = None) -> int:
    """Returns the exit code of a run that ended with a status, or was stopped by an error."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, (UserError, GateError)):
        return error.exit_code
    return {"failed": 1, "not_blessed": 3}.get(status, 0)

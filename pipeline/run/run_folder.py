"""Names the files of a run's folder, locks it for one run at a time, and computes the digest of the data."""

import contextlib
import dataclasses
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core import digests, storage
from core.errors import UserError
from pipeline.run.history import History

_PATTERN_CHARACTERS = "[\\"  # TensorFlow looks up the files of a model as a glob, in which these match no file so named
FREE_BYTES = 200_000_000  # on a full disk TensorFlow and SQLite leave broken files, so a run does not begin on one


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The files that a run writes to `runs/NAME`."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def summary(self) -> Path:
        """The summary of the last run."""
        return self.path / "summary.json"

    @property
    def serving(self) -> Path:
        """The versions of the model: the folder for TensorFlow Serving's `--model_base_path`."""
        return self.path / "serving"

    @property
    def tensorboard(self) -> Path:
        """The training curves, one folder for each trained model."""
        return self.path / "tensorboard"

    @property
    def logs(self) -> Path:
        """The output of the libraries, one file for each run."""
        return self.path / "logs"

    @property
    def metadata(self) -> Path:
        """ML Metadata's store."""
        return self.path / "metadata.sqlite"

    @property
    def artifacts(self) -> Path:
        """The artifacts of all stages."""
        return self.path / "artifacts"

    @property
    def cache(self) -> Path:
        """Results for each data file, so that a new span costs only the time of its own files."""
        return self.path / "cache"

    @property
    def tuner(self) -> Path:
        """The trials of an unfinished search, which the next run continues."""
        return self.path / "artifacts" / "Tuner" / "search"

    def check_loadable(self) -> None:
        """Raises UserError where TensorFlow could not load what it saves, because it takes the path for a pattern."""
        found = [character for character in _PATTERN_CHARACTERS if character in str(self.path)]
        if found:
            raise UserError(
                f"The output folder {self.path} has the character {found[0]} in its path, and TensorFlow cannot load "
                "models from such a folder. Give another folder with --out."
            )

    def make(self) -> None:
        """Creates the folder, and checks that it can be written to.

        Raises:
            UserError: the folder cannot be created or written to, or its disk is full.
        """
        try:
            for folder in (self.logs, self.artifacts):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.path / f".write-{os.getpid()}"
            probe.write_bytes(b"0" * 4096)
            probe.unlink()
        except OSError as error:
            raise UserError(
                f"The output folder {self.path} cannot be written to: {error.strerror}. "
                "Give another one with --out, or change its permissions."
            ) from None
        free = shutil.disk_usage(self.path).free
        if free < FREE_BYTES:
            raise UserError(
                f"The disk of the output folder {self.path} has {free / 1e6:,.0f} MB left; a run needs at least "
                f"{FREE_BYTES / 1e6:,.0f} MB. Free some space, or give a folder on another disk with --out."
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder for this process.

        Raises:
            UserError: another run holds it.
        """
        with open(self.path / ".lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError(
                    f"Another run is writing to {self.path}. Wait for it to end, or give another folder with --out."
                ) from None
            yield

    def tidy(self, history: History) -> None:
        """Removes the unfinished outputs of executions that were killed."""
        for identifier in history.unfinished():
            for folder in (
                *self.artifacts.glob(f"*/*/{identifier}"),
                *self.artifacts.glob(f"*/.system/*/{identifier}"),
            ):
                shutil.rmtree(folder, ignore_errors=True)

    def clear_cache(self) -> None:
        """Removes the results for each data file, so that all of them are computed again."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def data_digest(self, files: Sequence[str]) -> str:
        """Returns a digest of the content of some files.

        A file whose path, size and modification time have not changed since the last run is not read again.
        """
        cache = self.path / ".digests.json"
        known = storage.read_json(cache)
        keys = [f"{file}|{(stat := os.stat(file)).st_size}|{stat.st_mtime_ns}|{stat.st_ino}" for file in files]
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            found = list(pool.map(lambda key, file: known.get(key) or digests.of_file(file), keys, files))
        if self.path.is_dir():
            storage.write_json(cache, dict(zip(keys, found, strict=True)))
        return digests.of_values(found)

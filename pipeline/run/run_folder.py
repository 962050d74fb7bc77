"""Names the files of a run's folder, locks it for one run at a time, and says what stages find there."""

import contextlib
import dataclasses
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core import digests, storage
from core.errors import UserError
from models.serving import model_versions
from pipeline.graph import RunContext
from pipeline.run.history import History

FREE_BYTES = 200_000_000  # on a full disk TensorFlow and SQLite leave broken files, so a run does not begin on one


class RunFolder:
    """The files that a run writes to `runs/NAME`.

    Attributes:
        config: the resolved configuration.
        summary: the summary of the last run.
        serving: the versions of the model: the folder for TensorFlow Serving's `--model_base_path`.
        tensorboard: the training curves, one folder for each trained model.
        logs: the output of the libraries, one file for each run.
        metadata: ML Metadata's store.
        artifacts: the outputs of all stages.
        tuner: the trials of an unfinished search, which the next run continues.
        cache: results for each data file, so that a new span costs only the time of its own files.
    """

    def __init__(self, path: Path):
        """Names the files; creates nothing."""
        self.path = path
        self.config = path / "config.yaml"
        self.summary = path / "summary.json"
        self.serving = path / "serving"
        self.tensorboard = path / "tensorboard"
        self.logs = path / "logs"
        self.metadata = path / "metadata.sqlite"
        self.artifacts = path / "artifacts"
        self.tuner = self.artifacts / "Tuner" / "search"
        self.cache = path / "cache"

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

    def tidy(self, unfinished: Iterable[int]) -> None:
        """Removes the outputs of executions that were killed."""
        for identifier in unfinished:
            for pattern in (f"*/*/{identifier}", f"*/.system/*/{identifier}"):
                for folder in self.artifacts.glob(pattern):
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocalContext(RunContext):
    """A run on this machine.

    Attributes:
        folder: the folder of the run.
        history: the earlier executions in that folder.
    """

    folder: RunFolder
    history: History

    def serving(self) -> str:
        """Returns the folder of the served versions."""
        return str(self.folder.serving)

    def search(self) -> dict[str, str]:
        """Returns the folders of the trials and of their TensorBoard logs."""
        return {"directory": str(self.folder.tuner), "logs": str(self.folder.tensorboard / "search")}

    def cache(self, stage: str) -> str:
        """Returns the folder of a stage's per-file results; empty where no later run reads the same files again."""
        return str(self.folder.cache / stage) if self.source.grows else ""

    def champion(self) -> str:
        """Returns the folder of the served version that the candidate is compared with; empty for none."""
        return str(model_versions.champion(self.folder.serving, self.digests["Trainer"]) or "")

    def previous_statistics(self) -> str:
        """Returns the statistics to measure drift from: of the served version, else of the last validated data."""
        digest = self.digests["StatisticsGen"]
        served = model_versions.previous_statistics(self.folder.serving, digest)
        return str(served or self.history.validated_statistics(digest) or "")

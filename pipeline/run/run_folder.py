"""Names the files of a run's folder, locks it for one run at a time, and says what stages find there."""

import contextlib
import dataclasses
import fcntl
import os
import shutil
from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core import digests, storage
from core.errors import UserError
from models.serving import model_versions
from pipeline.run.history import History
from pipeline.run_context import RunContext

_PATTERN_CHARACTERS = "[\\"  # TensorFlow looks up the files of a model as a glob, in which these match no file so named
_STAT = ("st_size", "st_ino", "st_mtime_ns", "st_ctime_ns")
SEARCH_LOGS = "1-search"  # the first run of TensorBoard
FREE_BYTES = 200_000_000  # on a full disk TensorFlow and SQLite leave broken files, so a run does not begin on one


class FolderUnusable(UserError):
    """The folder cannot hold a run: its path or disk does not fit, or another run holds it."""


class RunFolder:
    """The files that a run writes to `runs/NAME`.

    Attributes:
        config: the resolved configuration.
        summary: the summary of the last run.
        report: its report.
        model_card: the card of its model; `model_card.json` beside it has the same for programs.
        serving: the versions of the model: the folder for TensorFlow Serving's `--model_base_path`.
        tensorboard: the runs of TensorBoard, which `pipeline.reporting.tensorboard.board` names.
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
        self.report = path / "report.html"
        self.model_card = path / "model_card.md"
        self.serving = path / "serving"
        self.tensorboard = path / "tensorboard"
        self.logs = path / "logs"
        self.metadata = path / "metadata.sqlite"
        self.artifacts = path / "artifacts"
        self.tuner = self.artifacts / "Tuner" / "search"
        self.cache = path / "cache"

    def check_loadable(self) -> None:
        """Raises FolderUnusable where TensorFlow takes the path for a pattern, and could not load what it saves."""
        storage.check_path(self.path)
        found = [character for character in _PATTERN_CHARACTERS if character in str(self.path)]
        if found:
            raise FolderUnusable(
                f"The output folder {self.path} has the character {found[0]} in its path, and TensorFlow cannot load "
                "models from such a folder. Give another folder with --out."
            )

    def make(self) -> None:
        """Creates the folder, and checks that it can be written to.

        Raises:
            FolderUnusable: the folder cannot be created or written to, or its disk is full.
        """
        try:
            for folder in (self.logs, self.artifacts):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.path / f".write-{os.getpid()}"
            probe.write_bytes(b"0" * 4096)
            probe.unlink()
        except OSError as error:
            raise FolderUnusable(
                f"The output folder {self.path} cannot be written to: {error.strerror}. "
                "Give another one with --out, or change its permissions."
            ) from None
        free = shutil.disk_usage(self.path).free
        if free < FREE_BYTES:
            raise FolderUnusable(
                f"The disk of the output folder {self.path} has {free / 1e6:,.0f} MB left; a run needs at least "
                f"{FREE_BYTES / 1e6:,.0f} MB. Free some space, or give a folder on another disk with --out."
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder for this process.

        Raises:
            FolderUnusable: another run holds it.
        """
        with open(self.path / ".lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FolderUnusable(
                    f"Another run is writing to {self.path}. Wait for it to end, or give another folder with --out."
                ) from None
            yield

    def tidy(self, finished: Container[int]) -> list[str]:
        """Removes what executions wrote that have not finished, such as those of a killed run; returns their stages.

        Args:
            finished: the ids of the executions whose outputs are kept.
        """
        outputs, others = self.artifacts.glob("*/*/*"), self.artifacts.glob("*/.system/executor_execution/*")
        left = [path for path in (*outputs, *others) if path.name.isdecimal() and int(path.name) not in finished]
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return list(dict.fromkeys(path.parents[1].name for path in left if path.parents[2] == self.artifacts))

    def clear_cache(self) -> None:
        """Removes the results for each data file, so that all of them are computed again."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def data_digest(self, files: Sequence[str], cache: bool = True) -> str:
        """Returns a digest of the content of some files.

        Args:
            files: their paths.
            cache: whether a file that is as the last run left it is not read again. Its path, size, inode, time of
                modification and time of change are compared; a program can set back all but the last.
        """
        remembered = self.path / ".digests.json"
        earlier = storage.read_json(remembered) if cache else {}
        keys = list(map(_key, files))
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            found = list(pool.map(lambda key, file: earlier.get(key) or digest_of_content(file), keys, files))
        if self.path.is_dir():
            with contextlib.suppress(OSError):  # where the folder cannot be written to, the next run reads them again
                storage.write_json(remembered, dict(zip(keys, found, strict=True)))
        return digests.of_values(found)


def digest_of_content(file: str) -> str:
    """Returns the digest of a file's content.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return digests.of_file(file)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}. Check the file and its permissions.") from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocalContext(RunContext):
    """A run on this machine.

    Attributes:
        folder: the folder of the run.
        history: the earlier executions in that folder.
        compared_version: the folder of the served version that the candidate is compared with; empty for the newest.
    """

    folder: RunFolder
    history: History
    compared_version: str = ""

    def serving(self) -> str:
        """Returns the folder of the served versions."""
        return str(self.folder.serving)

    def search(self) -> dict[str, str]:
        """Returns the folders of the trials and of their TensorBoard logs."""
        return {"directory": str(self.folder.tuner), "logs": str(self.folder.tensorboard / SEARCH_LOGS)}

    def backup(self, stage: str) -> str:
        """Returns the folder of the backups of a training."""
        return str(self.folder.artifacts / stage / "backup")

    def cache(self, stage: str) -> str:
        """Returns the folder of a stage's per-file results; empty where no later run reads the same files again."""
        return str(self.folder.cache / stage) if self.source.grows else ""

    def champion(self) -> str:
        """Returns the folder of the served version that the candidate is compared with; empty for none."""
        newest = model_versions.champion(self.folder.serving, self.digests["Trainer"])
        return self.compared_version or str(newest or "")

    def warm_start(self) -> str:
        """Returns the folder of the newest served version that was trained on other data; empty for none."""
        if not self.settings.train.warm_start:
            return ""
        return str(model_versions.of_other_data(self.folder.serving, self.digests["StatisticsGen"]) or "")

    def previous_statistics(self) -> str:
        """Returns the statistics to measure drift from: of the served version, else of the last validated data."""
        digest = self.digests["StatisticsGen"]
        served = model_versions.previous_statistics(self.folder.serving, digest)
        return str(served or self.history.validated_statistics(digest) or "")


def _key(file: str) -> str:
    """Returns a text that changes when a file is written."""
    if storage.is_uri(file):
        return f"{file}|{storage.content_key(file)}"
    return "|".join([file, *(str(getattr(os.stat(file), field)) for field in _STAT)])

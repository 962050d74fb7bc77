"""The folder of a run: what lies where, and that only one run at a time writes to it."""

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from core.errors import UserError
from pipeline.run.fingerprints import digest, file_digest
from pipeline.run.history import History

FREE_BYTES = (
    200_000_000  # TensorFlow and SQLite leave broken files behind on a full disk, so a run does not begin on one
)


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """What a run leaves in `runs/NAME`."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def summary(self) -> Path:
        """What the last run found."""
        return self.path / "summary.json"

    @property
    def serving(self) -> Path:
        """What TensorFlow Serving's `--model_base_path` points to."""
        return self.path / "serving"

    @property
    def tensorboard(self) -> Path:
        """The training curves, one folder a pushed or judged model."""
        return self.path / "tensorboard"

    @property
    def logs(self) -> Path:
        """All that the libraries say, one file a run."""
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
        """What was computed of each file or span, so that a new span costs only its own rows."""
        return self.path / "cache"

    @property
    def tuner(self) -> Path:
        """Where an interrupted search goes on."""
        return self.path / "artifacts" / "Tuner" / "search"

    def make(self) -> None:
        """Makes the folder, and tells at once when it cannot be written to.

        Raises:
            UserError: the folder cannot be made or written to, or its disk is full.
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
                "Give another one with --out, or mend its permissions."
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
        """Removes what executions that were killed left half written, so that nobody takes it for a result."""
        for identifier in history.unfinished():
            for folder in (
                *self.artifacts.glob(f"*/*/{identifier}"),
                *self.artifacts.glob(f"*/.system/*/{identifier}"),
            ):
                shutil.rmtree(folder, ignore_errors=True)

    def forget(self) -> None:
        """Removes what was kept of each file, so that all of it is computed anew."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def newest_version(self) -> int:
        """Returns the newest version that is served; 0 where there is none."""
        folders = self.serving.iterdir() if self.serving.is_dir() else ()
        return max((int(each.name) for each in folders if each.name.isdigit()), default=0)

    def data_digest(self, files: Sequence[str]) -> str:
        """Returns a digest of the content of some files.

        A file whose path, size and time of change are those of last time is not read again.
        """
        cache = self.path / ".digests.json"
        known: dict[str, str] = read_json(cache)
        keys = [f"{file}|{(stat := os.stat(file)).st_size}|{stat.st_mtime_ns}|{stat.st_ino}" for file in files]
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            digests = list(
                pool.map(lambda pair: known.get(pair[0]) or file_digest(pair[1]), zip(keys, files, strict=True))
            )
        if self.path.is_dir():
            write_json(cache, dict(zip(keys, digests, strict=True)))
        return digest(digests)


def read_json(path: Path) -> dict[str, Any]:
    """Returns the mapping in a JSON file; an empty one where there is none or it cannot be read."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Writes a mapping as JSON in one step: a reader never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    temporary.replace(path)

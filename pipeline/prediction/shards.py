"""Divides predictions into parts, one for each file, so that a command that was stopped goes on where it was."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import ingest
from core import digests, storage
from models.serving import model_versions

_KEY = b"skewless"


@dataclasses.dataclass(frozen=True)
class Shard:
    """Files and where their predictions go.

    Attributes:
        files: paths and globs.
        to: the file to write.
        key: changes with the model, the content of the files and the options; empty outside a folder of parts.
    """

    files: Sequence[str]
    to: Path
    key: str = ""

    @property
    def done(self) -> bool:
        """Whether the part is there, of this model and these files; parts appear when they are complete."""
        if not self.key or not self.to.exists():
            return False
        try:
            metadata = pq.read_schema(self.to).metadata or {}
        except (pa.ArrowInvalid, OSError):
            return False
        return bool(metadata.get(_KEY) == self.key.encode())

    def marked(self, table: pa.Table) -> pa.Table:
        """Returns a table that `done` will recognise in the part."""
        return table.replace_schema_metadata({_KEY: self.key.encode()}) if self.key else table


def is_folder(to: Path) -> bool:
    """Returns whether predictions go to a folder: one that is there, or a name without a suffix."""
    return to.is_dir() or not to.suffix


def of(files: Sequence[str], to: Path, version: Path, options: Sequence[object]) -> list[Shard]:
    """Returns the shards: one part `NAME-DIGEST.parquet` for each file where predictions go to a folder.

    Args:
        files: paths and globs.
        to: the file or the folder to write.
        version: the model.
        options: what else the predictions depend on.
    """
    if not is_folder(to):
        return [Shard(files, to)]
    model = digests.of_file(version / model_versions.METADATA_FILE)
    shards = []
    for file in ingest.expand(files):
        name = f"{os.path.basename(file).partition('.')[0]}-{digests.of_values(file)[:8]}.parquet"
        shards.append(Shard([file], to / name, digests.of_values(model, file, _content(file), *options)))
    return shards


def _content(file: str) -> str:
    """Returns a text that changes with the content of a file."""
    if storage.is_uri(file):
        return storage.content_key(file)
    status = os.stat(file)
    return f"{status.st_size} {status.st_mtime_ns}"

"""What was gathered of files that later runs read again: of a new span, only its own files cost time.

An entry is named after the content of what it was gathered from and of the code that gathered it, so it can never be
stale, wherever the files lie by then.
"""

import functools
import hashlib
import os
import pathlib
import pickle
import tempfile
from collections.abc import Sequence

import tensorflow_data_validation as tfdv

from components.statistics_gen import quantiles_generator, stats_accumulator
from components.statistics_gen.stats_accumulator import Accumulator, Options
from core import digests
from core.examples import RowGroup

_file_digest = functools.lru_cache(maxsize=1024)(digests.of_file)  # a file is asked for once a group of columns


class BlockCache:
    """Accumulators in a folder."""

    def __init__(self, folder: str, options: Options) -> None:
        """Takes where they are, and what they are gathered with."""
        self._folder = pathlib.Path(folder)
        self._options = options

    def path(self, columns: Sequence[str], row_groups: Sequence[RowGroup]) -> pathlib.Path:
        """Returns the file of some row groups of some columns."""
        content = [(_file_digest(each.file), each.index) for each in row_groups]
        name = repr((_code_digest(), tfdv.__version__, self._options, tuple(columns), content))
        return self._folder / f"{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}.pickle"

    def load(self, path: pathlib.Path) -> Accumulator | None:
        """Returns what an entry holds, and marks it as used; None where there is none that can be read."""
        try:
            with path.open("rb") as file:
                accumulator: Accumulator = pickle.load(file)
            os.utime(path)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None
        return accumulator

    def save(self, path: pathlib.Path, accumulator: Accumulator) -> None:
        """Writes an entry, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            pickle.dump(accumulator, file)
        os.replace(file.name, path)


def purge(folder: str, before: float) -> None:
    """Removes the entries that were last used before a time: of spans that are no longer read."""
    for path in pathlib.Path(folder).glob("*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


@functools.lru_cache(maxsize=1)
def _code_digest() -> str:
    return "".join(_file_digest(str(module.__file__)) for module in (stats_accumulator, quantiles_generator))

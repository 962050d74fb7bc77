"""Keeps the accumulators of files that later runs read again, so that a new span costs only the time of its own files.

The name of an entry is the digest of the content and of the code that it was computed from: no entry is ever stale.
"""

import functools
import os
import pathlib
import pickle
from collections.abc import Sequence

import tensorflow_data_validation as tfdv

from components.statistics_gen import quantiles_generator, stats_accumulator
from components.statistics_gen.stats_accumulator import Accumulator, GeneratorOptions
from core import digests, storage
from core.examples import RowGroup

_file_digest = functools.lru_cache(maxsize=1024)(digests.of_file)  # called for every group of columns of a file


class AccumulatorCache:
    """Accumulators as files in a folder."""

    def __init__(self, folder: str, options: GeneratorOptions) -> None:
        """Takes the folder, and the options that the accumulators are computed with."""
        self._folder = pathlib.Path(folder)
        self._options = options

    def path(self, columns: Sequence[str], row_groups: Sequence[RowGroup]) -> pathlib.Path:
        """Returns the file of the accumulator of some row groups of some columns."""
        content = [(_file_digest(row_group.file), row_group.index) for row_group in row_groups]
        name = digests.of_values(_code_digest(), tfdv.__version__, repr(self._options), columns, content)
        return self._folder / f"{name}.pickle"

    def load(self, path: pathlib.Path) -> Accumulator | None:
        """Returns the accumulator of an entry, and marks the entry as used; None where there is no readable one."""
        try:
            with path.open("rb") as file:
                accumulator: Accumulator = pickle.load(file)
            os.utime(path)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None
        return accumulator

    def save(self, path: pathlib.Path, accumulator: Accumulator) -> None:
        """Writes an entry."""
        with storage.replacing(path) as temporary, temporary.open("wb") as file:
            pickle.dump(accumulator, file)


def purge(folder: str, before: float) -> None:
    """Removes the entries that were last used before a time: those of spans that are no longer read."""
    for path in pathlib.Path(folder).glob("*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


@functools.lru_cache(maxsize=1)
def _code_digest() -> str:
    return "".join(_file_digest(str(module.__file__)) for module in (stats_accumulator, quantiles_generator))

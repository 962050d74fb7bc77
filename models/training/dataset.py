"""Loads Examples as matrices of transformed features.

The matrices are in memory up to a limit, and in memory-mapped files above it.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from core import examples, progress
from core.errors import UserError
from core.spec import Spec
from models.preprocessing.rows import TransformedRows
from models.preprocessing.transform_graph import TransformGraph

_CELLS = 4_000_000  # raw values that are transformed at once: a row group of 120 columns
_SAMPLED_GROUPS = 64  # row groups of which a sample is taken


class ArrayAllocator:
    """Allocates arrays: in memory up to a number of bytes, then in unnamed files that live as long as the array."""

    def __init__(self, size: int = 10**9, directory: str | None = None) -> None:
        self._left, self._directory = size, directory

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Returns an uninitialised array.

        Raises:
            UserError: the array needs a file, and the disk is full.
        """
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if size <= self._left:
            self._left -= size
            return np.empty(shape, dtype)
        with tempfile.TemporaryFile(dir=self._directory) as file:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                folder = self._directory or tempfile.gettempdir()
                raise UserError(
                    f"The transformed rows need {size / 1e9:.1f} GB on disk in {folder} ({error.strerror}). "
                    "Free that much there, or train on fewer rows."
                ) from error
            return np.memmap(file, dtype, "r+", shape=shape)


def load(
    split_uri: str,
    graph: TransformGraph,
    max_rows: int | None = None,
    allocator: ArrayAllocator | None = None,
    seed: int = 0,
) -> TransformedRows:
    """Returns the transformed rows of a split of Examples.

    Args:
        split_uri: the folder of the split.
        graph: the transform graph.
        max_rows: the size of a random sample; None for all rows.
        allocator: allocates the matrices; by default 1 GB of memory, then temporary files.
        seed: the seed of the sample.

    Raises:
        UserError: the split has no rows, or a row has no valid label.
    """
    plan = _sample(examples.row_groups(split_uri), max_rows, seed)
    rows = sum(len(chosen) for _, chosen in plan)
    if not rows:
        raise UserError(f"Split {split_uri} has no rows. Give it a larger part in `split: {{fractions: ...}}`.")
    store = _Store(rows, graph.spec, allocator or ArrayAllocator())
    for group, chosen in plan:
        batch = examples.read(group, graph.columns)
        for part in _parts(batch if len(chosen) == group.rows else batch.take(pa.array(chosen))):
            store.add(graph(part), part)
            progress.report(f"{store.filled:,} of {rows:,} rows transformed", store.filled, rows)
    return store.rows()


def _sample(
    groups: Sequence[examples.RowGroup], max_rows: int | None, seed: int
) -> list[tuple[examples.RowGroup, np.ndarray]]:
    """Returns the rows to take from each row group. A sample is taken from row groups all over the split."""
    total = sum(group.rows for group in groups)
    if max_rows is None or total <= max_rows:
        return [(group, np.arange(group.rows)) for group in groups]
    generator = np.random.default_rng(seed)
    groups = [groups[i] for i in np.unique(np.linspace(0, len(groups) - 1, _SAMPLED_GROUPS).astype(int))]
    # Each row has the same chance: a row group has a share of the sample that is proportional to its rows.
    ends = np.cumsum([group.rows for group in groups])
    counts = np.diff(np.minimum(max_rows, ends[-1]) * ends // ends[-1], prepend=0)
    return [
        (group, np.sort(generator.choice(group.rows, min(count, group.rows), replace=False)))
        for group, count in zip(groups, counts, strict=True)
    ]


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows = max(1, _CELLS // max(1, batch.num_columns))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


class _Store:
    """Collects rows that arrive in parts. The first part allocates the matrices of all rows."""

    def __init__(self, rows: int, spec: Spec, allocator: ArrayAllocator) -> None:
        self._rows, self._spec, self._allocator = rows, spec, allocator
        self._features: dict[str, np.ndarray] = {}
        self._labels: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []
        self.filled = 0

    def add(self, features: Mapping[str, np.ndarray], batch: pa.RecordBatch) -> None:
        """Stores the next rows: their packed features, and the label and the weight of their Examples."""
        end = self.filled + batch.num_rows
        for kind, values in features.items():
            if kind not in self._features:
                self._features[kind] = self._allocator.empty((self._rows, *values.shape[1:]), values.dtype)
            self._features[kind][self.filled : end] = values
        self._labels.append(examples.label_values(batch, self._spec.label))
        if self._spec.weight:
            self._weights.append(examples.weight_values(batch, self._spec.weight).astype(np.float32))
        self.filled = end

    def rows(self) -> TransformedRows:
        """Returns all rows."""
        weights = np.concatenate(self._weights) if self._weights else None
        return TransformedRows(self._features, np.concatenate(self._labels), weights)

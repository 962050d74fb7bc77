"""Loads Examples through the transform graph as matrices, and feeds them in shuffled batches.

The matrices are in memory up to a limit and in mapped files above it, so memory does not grow with the table.
"""

import dataclasses
import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from core import examples, progress
from core.errors import UserError
from models.preprocessing.transform_graph import TransformGraph

# How many raw values go through the transform graph at once: a row group of 120 columns.
_CELLS = 4_000_000
# Rows that are shuffled as one, and how many of these blocks are then shuffled row by row.
_BLOCK = 1_024
_WINDOW = 256
# Row groups that a sample is drawn from.
_SAMPLED_GROUPS = 64


@dataclasses.dataclass(frozen=True)
class TransformedRows:
    """Transformed rows.

    Attributes:
        features: what `packing.pack` gives, as arrays with the rows first.
        labels: class indexes int64[rows], or float32[rows] for regression.
        weights: float32[rows], or None where all rows count the same.
    """

    features: Mapping[str, np.ndarray]
    labels: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indexes: np.ndarray | slice) -> "TransformedRows":
        """Returns some of the rows, in memory."""
        features = {kind: values[indexes] for kind, values in self.features.items()}
        return TransformedRows(features, self.labels[indexes], None if self.weights is None else self.weights[indexes])


class ArrayAllocator:
    """Allocates arrays: in memory up to a number of bytes, above it in unnamed files that are as long-lived."""

    def __init__(self, size: int = 10**9, directory: str | None = None) -> None:
        self._left, self._directory = size, directory

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Returns an uninitialised array.

        Raises:
            UserError: it would have to be a file, and the disk is full.
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
    """Returns the rows of a split of Examples, transformed.

    Args:
        split_uri: the split's folder.
        graph: the transform graph.
        max_rows: a random sample of at most so many rows; None for all.
        allocator: allocates the rows; 1 GB of memory, then temporary files.
        seed: of the sample.

    Raises:
        UserError: the split has no rows.
    """
    plan = _sample(examples.row_groups(split_uri), max_rows, seed)
    rows = sum(len(chosen) for _, chosen in plan)
    if not rows:
        raise UserError(f"Split {split_uri} has no rows. Give it a larger part in `split: {{fractions: ...}}`.")
    store = _Store(rows, allocator or ArrayAllocator())
    for group, chosen in plan:
        batch = examples.read(group, list(graph.raw_types))
        for part in _parts(batch if len(chosen) == group.rows else batch.take(pa.array(chosen))):
            store.add(*graph(part))
            progress.report(f"{store.filled:,} of {rows:,} rows transformed", store.filled, rows)
    loaded = store.rows()
    check_labels(loaded.labels, split_uri)
    return loaded


def check_labels(labels: np.ndarray, split_uri: str) -> None:
    """Checks that every row has a label that can be learned.

    Args:
        labels: as the transform graph gives them: -1 or NaN where a class is unknown or the label is missing.
        split_uri: the split, for the message.

    Raises:
        UserError: some have none.
    """
    bad = np.count_nonzero(~np.isfinite(labels) if labels.dtype.kind == "f" else labels < 0)
    if bad:
        raise UserError(
            f"{bad:,} of {len(labels):,} rows have no label, or a class that is not among `classes`, in {split_uri}. "
            "Every row needs one: leave the others out by `data: {query: ...}`."
        )


def _sample(
    groups: Sequence[examples.RowGroup], max_rows: int | None, seed: int
) -> list[tuple[examples.RowGroup, np.ndarray]]:
    """Returns which rows to take from which row groups: a sample comes from row groups all over the split."""
    total = sum(group.rows for group in groups)
    if max_rows is None or total <= max_rows:
        return [(group, np.arange(group.rows)) for group in groups]
    generator = np.random.default_rng(seed)
    groups = [groups[i] for i in np.unique(np.linspace(0, len(groups) - 1, _SAMPLED_GROUPS).astype(int))]
    # Where each row group ends in the sample, if every row has the same chance.
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
    """Rows that arrive in parts, in arrays that are as long as all of them from the first part on."""

    def __init__(self, rows: int, allocator: ArrayAllocator) -> None:
        self._rows, self._allocator = rows, allocator
        self._features: dict[str, np.ndarray] = {}
        self._labels: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []
        self.filled = 0

    def add(self, features: Mapping[str, np.ndarray], labels: np.ndarray, weights: np.ndarray | None) -> None:
        """Keeps the next part."""
        end = self.filled + len(labels)
        for kind, values in features.items():
            if kind not in self._features:
                self._features[kind] = self._allocator.empty((self._rows, *values.shape[1:]), values.dtype)
            self._features[kind][self.filled : end] = values
        self._labels.append(labels)
        if weights is not None:
            self._weights.append(weights)
        self.filled = end

    def rows(self) -> TransformedRows:
        """Returns all rows."""
        weights = np.concatenate(self._weights) if self._weights else None
        return TransformedRows(self._features, np.concatenate(self._labels), weights)


def batches(
    features: Mapping[str, np.ndarray],
    targets: np.ndarray,
    weights: np.ndarray | None,
    batch_size: int,
    seed: int,
) -> tf.data.Dataset:
    """Returns batches without end, in a new order every epoch that only the seed decides.

    An epoch has rows // batch_size batches, all of them full; the rows left over differ from epoch to epoch.

    Args:
        features: arrays with the rows first.
        targets: what is to be learned, with the rows first.
        weights: float32[rows], or None.
        batch_size: rows a batch, no more than there are.
        seed: of the order.
    """
    extra = [targets] if weights is None else [targets, weights]

    def generate() -> Iterator[tuple[dict[str, np.ndarray] | np.ndarray, ...]]:
        for epoch in itertools.count():
            waiting = np.empty(0, np.int64)
            for window in windows(len(targets), np.random.default_rng([seed, epoch])):
                waiting = np.concatenate([waiting, window])
                for _ in range(len(waiting) // batch_size):
                    # Sorted, a batch reads a mapped file forwards.
                    chosen, waiting = np.sort(waiting[:batch_size]), waiting[batch_size:]
                    yield (
                        {kind: values[chosen] for kind, values in features.items()},
                        *(array[chosen] for array in extra),
                    )

    def spec(values: np.ndarray) -> tf.TensorSpec:
        return tf.TensorSpec([batch_size, *values.shape[1:]], values.dtype)

    signature = ({kind: spec(values) for kind, values in features.items()}, *map(spec, extra))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(4).with_options(options)


def windows(rows: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yields a random order of the rows in parts: int64[262,144 or fewer].

    So few rows may come in any order. Of more, blocks of 1,024 rows are shuffled, and then the rows of each 256 blocks:
    a file of mapped rows is read in stretches, and the order itself takes no memory.
    """
    blocks = generator.permutation(-(-rows // _BLOCK))
    for first in range(0, len(blocks), _WINDOW):
        starts = blocks[first : first + _WINDOW] * _BLOCK
        window = (starts[:, None] + np.arange(_BLOCK)).ravel()
        yield generator.permutation(window[window < rows])

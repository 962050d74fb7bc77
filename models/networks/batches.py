"""Yields shuffled batches of transformed rows."""

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

_BLOCK = 1_024  # consecutive rows that are shuffled as one
_WINDOW = 256  # blocks whose rows are then shuffled
# Rows, and values of them, that Python hands over at once: each time costs about a millisecond.
_CHUNK, _CHUNK_VALUES = 16_384, 1_000_000


def batches(
    features: Mapping[str, np.ndarray],
    targets: np.ndarray,
    weights: np.ndarray | None,
    batch_size: int,
    seed: int,
    first: int = 0,
) -> tf.data.Dataset:
    """Returns an infinite dataset of batches. The seed decides the order of the rows, which is new in each epoch.

    An epoch has rows // batch_size full batches; the rows that are left out differ from epoch to epoch.

    Args:
        features: arrays with the rows first.
        targets: the encoded labels, with the rows first.
        weights: float32[rows], or None.
        batch_size: at most the number of rows.
        seed: the seed of the order.
        first: the number of batches that were taken before.
    """
    extra = [targets] if weights is None else [targets, weights]
    taken_epochs, taken = divmod(first, len(targets) // batch_size)
    width = sum(math.prod(values.shape[1:]) for values in features.values())
    most = max(1, min(_CHUNK, _CHUNK_VALUES // max(1, width)) // batch_size)

    def generate() -> Iterator[tuple[dict[str, np.ndarray] | np.ndarray, ...]]:
        skipped = taken
        for epoch in itertools.count(taken_epochs):
            waiting = np.empty(0, np.int64)
            for window in windows(len(targets), np.random.default_rng([seed, epoch])):
                waiting = np.concatenate([waiting, window])
                passed = min(skipped, len(waiting) // batch_size)
                skipped, waiting = skipped - passed, waiting[passed * batch_size :]
                while count := min(most, len(waiting) // batch_size):
                    # Sorted indexes read a mapped file in one direction.
                    chosen = np.sort(waiting[: count * batch_size].reshape(count, batch_size), axis=1)
                    waiting = waiting[count * batch_size :]
                    yield (
                        {kind: values[chosen] for kind, values in features.items()},
                        *(array[chosen] for array in extra),
                    )

    def spec(values: np.ndarray) -> tf.TensorSpec:
        return tf.TensorSpec([None, batch_size, *values.shape[1:]], values.dtype)

    signature = ({kind: spec(values) for kind, values in features.items()}, *map(spec, extra))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    chunks = tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(2)
    return chunks.unbatch().prefetch(4).with_options(options)


def windows(rows: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yields a random order of the row numbers in parts: int64[262,144 or fewer].

    Blocks of 1,024 rows are shuffled, then the rows of each 256 blocks. So a mapped file is read in long pieces, and
    the order of a large table needs little memory.
    """
    blocks = generator.permutation(-(-rows // _BLOCK))
    for first in range(0, len(blocks), _WINDOW):
        starts = blocks[first : first + _WINDOW] * _BLOCK
        window = (starts[:, None] + np.arange(_BLOCK)).ravel()
        yield generator.permutation(window[window < rows])

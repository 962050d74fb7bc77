"""Yields shuffled batches of transformed rows."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from keras import tree

_BLOCK = 1_024  # consecutive rows that are shuffled as one
_WINDOW = 256  # blocks whose rows are then shuffled
# Bytes that are copied for TensorFlow, which then reads batches much faster than Python.
_IN_MEMORY = 256_000_000
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
    arrays = (features, targets) if weights is None else (features, targets, weights)
    flat = tree.flatten(arrays)
    mapped = any(isinstance(values, np.memmap) for values in flat)
    in_memory = not mapped and sum(values.nbytes for values in flat) <= _IN_MEMORY
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    read = _gather(arrays) if in_memory else _read(arrays, batch_size)
    return read(_numbers(len(targets), batch_size, seed, first)).prefetch(4).with_options(options)


def _numbers(rows: int, batch_size: int, seed: int, first: int) -> tf.data.Dataset:
    """Returns the row numbers of many batches at once, int64[batches, batch_size]: Python hands them over."""
    taken_epochs, taken = divmod(first, rows // batch_size)

    def generate() -> Iterator[np.ndarray]:
        skipped = taken
        for epoch in itertools.count(taken_epochs):
            waiting = np.empty(0, np.int64)
            for window in windows(rows, np.random.default_rng([seed, epoch])):
                waiting = np.concatenate([waiting, window])
                full = waiting[: len(waiting) // batch_size * batch_size].reshape(-1, batch_size)
                waiting = waiting[full.size :]
                passed = min(skipped, len(full))
                skipped -= passed
                if passed < len(full):
                    yield np.sort(full[passed:], axis=1)  # sorted, they read a mapped file in one direction

    return tf.data.Dataset.from_generator(generate, output_signature=tf.TensorSpec([None, batch_size], tf.int64))


def _gather(arrays: Any) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
    """Returns a function that reads batches by TensorFlow, out of a copy of the arrays."""
    with tf.device("CPU"):
        tensors = tree.map_structure(tf.constant, arrays)

    def batch(chosen: tf.Tensor) -> Any:
        return tree.map_structure(lambda tensor: tf.gather(tensor, chosen), tensors)

    return lambda numbers: numbers.unbatch().map(batch, num_parallel_calls=2, deterministic=True)


def _read(arrays: Any, batch_size: int) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
    """Returns a function that reads batches by NumPy, as many at once as is worth a call of Python."""
    flat = tree.flatten(arrays)
    width = sum(math.prod(values.shape[1:]) for values in flat)
    most = max(1, min(_CHUNK, _CHUNK_VALUES // width) // batch_size)

    def chunk(chosen: tf.Tensor) -> Any:
        read = tf.numpy_function(lambda rows: [values[rows] for values in flat], [chosen], [v.dtype for v in flat])
        shaped = [
            tf.ensure_shape(part, [None, batch_size, *values.shape[1:]])
            for part, values in zip(read, flat, strict=True)
        ]
        return tree.pack_sequence_as(arrays, shaped)

    return lambda numbers: numbers.unbatch().batch(most).map(chunk).prefetch(2).unbatch()


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

"""Changes the rows of training batches at random, so that a network cannot learn single rows by heart."""

from typing import Any

import numpy as np
import tensorflow as tf

from core.spec import Input
from models.preprocessing.packing import of_kind


def augmented(
    batches: tf.data.Dataset, inputs: tuple[Input, ...], noise: float, swap_noise: float, seed: int, first: int = 0
) -> tf.data.Dataset:
    """Returns batches with changed features. Labels and weights stay as they are.

    Args:
        batches: tuples that begin with packed features.
        inputs: the inputs of the model.
        noise: the standard deviation of normal noise on numbers, in standard deviations of each.
        swap_noise: the share of the values that are taken from another row, as in Bahri et al. 2022, "SCARF:
            Self-Supervised Contrastive Learning using Random Feature Corruption", arXiv 2106.15147.
        seed: the seed of the changes, which differ from batch to batch.
        first: the number of batches that were taken before.
    """
    if not (noise or swap_noise):
        return batches
    deviations = noise * np.array([numeric.std for numeric in of_kind(inputs, "numeric")], np.float32)

    def change(step: tf.Tensor, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        features, *others = batch
        # Stateless operations give the same values whatever ran before.
        seeds = tf.unstack(tf.random.split(tf.stack([tf.constant(seed, tf.int64), step]), len(features) + 2))
        order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(others[0])[0]), seeds[0])
        changed = {
            kind: _swapped(values, order, swap_noise, seed_of_kind)
            for (kind, values), seed_of_kind in zip(features.items(), seeds[2:], strict=True)
        }
        if "numeric" in changed:
            changed["numeric"] += deviations * tf.random.stateless_normal(tf.shape(changed["numeric"]), seeds[1])
        return changed, *others

    return batches.enumerate(first).map(change).prefetch(4)


def _swapped(values: tf.Tensor, order: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """Returns [batch, columns, ...] with a share of the cells from the rows in another order."""
    chosen = tf.random.stateless_uniform(tf.shape(values)[:2], seed) < share
    return tf.where(chosen[(..., *[tf.newaxis] * (values.shape.rank - 2))], tf.gather(values, order), values)

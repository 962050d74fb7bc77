"""Changes the rows of training batches at random, so that a network cannot memorise single rows."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from core.config import named_objects
from core.config.sections import Train
from core.errors import UserError
from core.spec import Input
from core.text import clause
from models.preprocessing.packing import of_kind

Features = Mapping[str, tf.Tensor]
Change = Callable[[Features, tuple[Input, ...], tf.Tensor], Features]


def augmented(
    batches: tf.data.Dataset, inputs: tuple[Input, ...], options: Train, classes: int | None = None, first: int = 0
) -> tf.data.Dataset:
    """Returns batches with changed rows, the changes of which differ from batch to batch.

    Args:
        batches: packed features, targets and perhaps weights.
        inputs: the inputs of the model.
        options: the section `train`: `noise`; `swap_noise`, as in Bahri et al. 2022, "SCARF: Self-Supervised
            Contrastive Learning using Random Feature Corruption", arXiv 2106.15147; `mixup`, as in Zhang et al. 2018,
            "mixup: Beyond Empirical Risk Minimization", arXiv 1710.09412; `augmentation`; and the seed.
        classes: the number of classes where targets are class indexes; `mixup` makes them float32[batch, classes].
        first: the number of batches that were taken before.

    Raises:
        UserError: the user's function is not there, fails, or returns other shapes or types.
    """
    if not (options.noise or options.swap_noise or options.mixup or options.augmentation):
        return batches
    own = _function(options.augmentation, batches.element_spec[0], inputs) if options.augmentation else None
    deviations = options.noise * np.array([numeric.std for numeric in of_kind(inputs, "numeric")], np.float32)

    def change(step: tf.Tensor, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        features, *others = batch
        # Stateless operations give the same values whatever ran before.
        seed = tf.stack([tf.constant(options.seed, tf.int64), step])
        seeds = tf.unstack(tf.random.split(seed, len(features) + 2))
        order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(others[0])[0]), seeds[0])
        changed = {
            kind: _swapped(values, order, options.swap_noise, seed_of_kind)
            for (kind, values), seed_of_kind in zip(features.items(), seeds[2:], strict=True)
        }
        if "numeric" in changed:
            changed["numeric"] += deviations * tf.random.stateless_normal(tf.shape(changed["numeric"]), seeds[1])
        if options.mixup:
            changed, others = _mixed(changed, others, options.mixup, classes, tf.random.fold_in(seed, 1))
        if own:
            changed = dict(own(changed, inputs, tf.random.fold_in(seed, 2)))
        return changed, *others

    return batches.enumerate(first).map(change).prefetch(4)


def _swapped(values: tf.Tensor, order: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """Returns [batch, columns, ...] with a share of the cells from the rows in another order."""
    return _chosen(values, tf.gather(values, order), tf.random.stateless_uniform(tf.shape(values)[:2], seed) < share)


def _chosen(values: tf.Tensor, others: tf.Tensor, from_others: tf.Tensor) -> tf.Tensor:
    """Returns [batch, columns, ...] with the cells of the others where bool[batch, columns] says so."""
    return tf.where(from_others[(..., *[tf.newaxis] * (values.shape.rank - 2))], others, values)


def _mixed(
    features: dict[str, tf.Tensor], others: list[tf.Tensor], alpha: float, classes: int | None, seed: tf.Tensor
) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
    """Mixes each row with another one: numbers and targets by a share, of other values that share of the cells.

    The loss of a mixed row is that of both labels by their shares and weights.
    """
    targets, *weights = others
    if classes:
        targets = tf.one_hot(targets, classes)
    rows = tf.shape(targets)[0]
    for_order, for_share, for_cells = tf.unstack(tf.random.split(seed, 3))
    order = tf.random.experimental.stateless_shuffle(tf.range(rows), for_order)
    gammas = tf.random.stateless_gamma([2, rows, 1], for_share, alpha)  # whose shares are of a beta distribution
    share = tf.math.divide_no_nan(gammas[0], gammas[0] + gammas[1])
    mixed = {}
    for kind, values in features.items():
        partner = tf.gather(values, order)
        if kind == "numeric":
            mixed[kind] = share * values + (1 - share) * partner
        else:
            mixed[kind] = _chosen(values, partner, tf.random.stateless_uniform(tf.shape(values)[:2], for_cells) > share)
    if weights:
        own, partners = share[:, 0] * weights[0], (1 - share[:, 0]) * tf.gather(weights[0], order)
        weights = [own + partners]
        share = tf.math.divide_no_nan(own, own + partners)[:, tf.newaxis]
    return mixed, [share * targets + (1 - share) * tf.gather(targets, order), *weights]


def _function(path: str, spec: Mapping[str, tf.TensorSpec], inputs: tuple[Input, ...]) -> Change:
    """Returns the user's function, which was tried on rows of zeros."""
    expected = {kind: (one.shape.as_list(), one.dtype.name) for kind, one in spec.items()}
    try:
        function: Change = named_objects.load(path)
        rows = {kind: tf.zeros(one.shape, one.dtype) for kind, one in spec.items()}
        made = function(rows, inputs, tf.zeros([2], tf.int64))
        found = {kind: (values.shape.as_list(), values.dtype.name) for kind, values in made.items()}
    except Exception as error:
        raise UserError(
            f"train.augmentation: {path} failed: {type(error).__name__}: {clause(error)}. It is called as "
            "function(features, inputs, seed), with the features as tensors by kind, and returns such features."
        ) from error
    if found != expected:
        raise UserError(
            f"train.augmentation: {path} returns {found}; the same shapes and types were expected: {expected}."
        )
    return function

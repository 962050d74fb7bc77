"""Selects pairs of categoricals whose target means tell more than those of the two alone."""

import itertools
from collections.abc import Sequence

import numpy as np

_VALUES = 20_000  # the most combinations of a pair
_CANDIDATES = 300  # the pairs that are measured
_ROWS = 20_000  # on which they are
_PASSES = 3  # what shrunk means leave of the effect of a categorical becomes small after so many
_STANDARD_ERRORS = 3.0
_SHRUNK_BY = 10.0  # rows with the mean of all rows that each target mean is given


def select(
    sizes: Sequence[int], values: np.ndarray, targets: np.ndarray, weights: np.ndarray, most: int, seed: int
) -> list[tuple[int, int]]:
    """Returns the pairs, by their places, that explain most of the targets in rows which they were not learned on.

    Of pairs that explain no more than chance, those of fewest combinations come first: the best of many on the rows of
    train would seem better than they are.

    Args:
        sizes: how many indexes each categorical has.
        values: the indexes, int32[rows, categoricals].
        targets: float64[rows, targets].
        weights: float64[rows].
        most: the largest number of pairs.
        seed: the seed of the sample of rows.
    """
    products = {pair: sizes[pair[0]] * sizes[pair[1]] for pair in itertools.combinations(range(len(sizes)), 2)}
    fitting = sorted((pair for pair in products if products[pair] <= _VALUES), key=products.__getitem__)[:_CANDIDATES]
    if len(fitting) <= most:
        return fitting
    rows = np.random.default_rng(seed).permutation(len(targets))[:_ROWS]
    sample = (values[rows], targets[rows], weights[rows])
    gains = {pair: _gain(sizes, pair, *sample) for pair in fitting}
    return sorted(fitting, key=gains.__getitem__, reverse=True)[:most]


def _gain(
    sizes: Sequence[int], pair: tuple[int, int], values: np.ndarray, targets: np.ndarray, weights: np.ndarray
) -> float:
    """Returns by how much the pair's means, learned on one half of the rows, lessen the squared error on the other.

    It is 0 where that is no more than chance. The error is what the means of the first and the second have left:
    categoricals that say the same gain nothing.
    """
    first, second = values[:, pair[0]], values[:, pair[1]]
    both = first * sizes[pair[1]] + second
    gains = np.zeros(len(both))
    for learned in (np.arange(len(both)) % 2 == 0, np.arange(len(both)) % 2 == 1):
        left = targets - np.average(targets, axis=0, weights=weights)
        for keys in (first, second) * _PASSES:
            left = left - _means(keys, left, weights * learned)
        found = left**2 - (left - _means(both, left, weights * learned)) ** 2
        gains += weights * ~learned * found.sum(axis=1)
    total, error = float(gains.sum()), float(gains.std() * np.sqrt(len(gains)))
    return total if total > _STANDARD_ERRORS * error else 0.0


def _means(keys: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns for each row the shrunk mean of the targets of the rows with the same key, float64[rows, targets]."""
    counts = np.bincount(keys, weights) + _SHRUNK_BY
    sums = np.column_stack([np.bincount(keys, column * weights) for column in targets.T])
    return np.asarray((sums / counts[:, None])[keys])

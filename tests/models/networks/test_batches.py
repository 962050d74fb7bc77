"""Matrices to batches."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.networks import batches as batching


def _epochs(rows: int, batch_size: int, epochs: int, seed: int = 0) -> list[list[int]]:
    numbers = np.arange(rows)
    batches = batching.batches({"numeric": numbers[:, None]}, numbers, numbers, batch_size, seed)
    steps = rows // batch_size
    seen = []
    for features, targets, weights in batches.take(epochs * steps):
        assert targets.shape == (batch_size,)
        np.testing.assert_array_equal(features["numeric"][:, 0], targets)
        np.testing.assert_array_equal(weights, targets)
        seen.append(sorted(targets.numpy().tolist()))
    return np.reshape(seen, (epochs, -1)).tolist()


def test_an_epoch_has_every_row_once_and_each_has_its_own_order():
    first, second = _epochs(rows=12, batch_size=4, epochs=2)
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_the_seed_decides_the_order():
    assert _epochs(12, 4, 1, seed=3) == _epochs(12, 4, 1, seed=3)
    assert _epochs(12, 4, 1, seed=3) != _epochs(12, 4, 1, seed=4)


def test_rows_that_fill_no_batch_are_left_over():
    (seen,) = _epochs(rows=11, batch_size=4, epochs=1)
    assert len(set(seen)) == 8


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 600_000))
def test_the_windows_have_every_row_once(rows):
    order = np.concatenate(list(batching.windows(rows, np.random.default_rng(0))))
    assert np.array_equal(np.sort(order), np.arange(rows))


def test_beyond_a_window_rows_come_in_stretches():
    first, *others = batching.windows(2**20, np.random.default_rng(0))
    assert len(first) == 256 * 1_024
    assert len(np.unique(first // 1_024)) == 256
    assert len(others) == 3

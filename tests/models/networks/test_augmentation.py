"""Noise and swaps on batches whose values are known."""

import numpy as np
import tensorflow as tf

from core.spec import Input
from models.networks.augmentation import augmented

INPUTS = (Input("a", "numeric", std=2.0), Input("b", "numeric", std=0.0))
ROWS = 4_000
NUMBER = np.arange(ROWS, dtype=np.int32)
FEATURES = {
    "numeric": np.stack([NUMBER, NUMBER], axis=1).astype(np.float32),
    "categorical": NUMBER[:, None],
    "tokens": np.broadcast_to(NUMBER[:, None, None], [ROWS, 1, 3]),
}


def batches(**changes):
    """Returns the first two batches, whose rows and labels are numbered."""
    plain = tf.data.Dataset.from_tensors((FEATURES, NUMBER[:, None])).repeat()
    return list(augmented(plain, INPUTS, **{"noise": 0.0, "swap_noise": 0.0, "seed": 0, **changes}).take(2))


def test_nothing_changes_without_noise():
    for features, _ in batches():
        for kind, values in FEATURES.items():
            np.testing.assert_array_equal(features[kind], values)


def test_noise_is_in_standard_deviations_of_each_number():
    (features, labels), _ = batches(noise=0.5)
    found = features["numeric"].numpy() - FEATURES["numeric"]
    np.testing.assert_allclose(found.std(axis=0), [0.5 * 2, 0], atol=0.05)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.1)
    np.testing.assert_array_equal(features["categorical"], FEATURES["categorical"])
    np.testing.assert_array_equal(labels, NUMBER[:, None])


def test_a_share_of_the_values_comes_from_other_rows():
    (features, labels), _ = batches(swap_noise=0.25)
    for kind, values in FEATURES.items():
        found = features[kind].numpy()
        np.testing.assert_allclose((found != values).mean(), 0.25, atol=0.03)
        assert np.isin(found, NUMBER).all()
    # The tokens of a text stay together, and the numbers of a row are chosen one by one.
    assert (np.ptp(features["tokens"].numpy(), axis=2) == 0).all()
    assert (features["numeric"][:, 0] != features["numeric"][:, 1]).numpy().mean() > 0.3
    np.testing.assert_array_equal(labels, NUMBER[:, None])


def test_the_seed_decides_and_batches_differ():
    first, second = (features["numeric"].numpy() for features, _ in batches(noise=1.0, swap_noise=0.5))
    again, _ = (features["numeric"].numpy() for features, _ in batches(noise=1.0, swap_noise=0.5))
    other, _ = (features["numeric"].numpy() for features, _ in batches(noise=1.0, swap_noise=0.5, seed=1))
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert (first != other).any()

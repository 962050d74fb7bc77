"""Noise and swaps on batches whose values are known."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from core.config.sections import Train
from core.errors import UserError
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
    return list(augmented(plain, INPUTS, Train(**changes)).take(2))


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


def test_mixup_mixes_numbers_labels_and_weights_by_the_same_share():
    features = {"numeric": np.eye(2, dtype=np.float32), "categorical": np.array([[3], [5]])}
    plain = tf.data.Dataset.from_tensors((features, np.array([0, 1]), np.array([1, 3], np.float32))).repeat()
    inputs = (Input("a", "numeric"), Input("b", "numeric"), Input("c", "categorical", size=6))
    mixed = 0
    for found, targets, weights in augmented(plain, inputs, Train(mixup=1.0), classes=2).take(20):
        shares = found["numeric"].numpy()  # of the rows (1, 0) and (0, 1)
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_allclose(weights, shares @ [1, 3], rtol=1e-6)
        np.testing.assert_allclose(targets, shares * [1, 3] / weights.numpy()[:, None], rtol=1e-5)
        assert set(found["categorical"].numpy().ravel()) <= {3, 5}
        mixed += 0.01 < shares[0, 0] < 0.99
    assert 3 < mixed < 17  # in half of the batches each row is its own partner


def negated(features, inputs, seed):
    return {**features, "numeric": -features["numeric"]}


def wrong(features, inputs, seed):
    return {**features, "numeric": features["numeric"][:, :1]}


def failing(features, inputs, seed):
    raise KeyError("tokens")


def test_the_users_function_changes_the_features(monkeypatch):
    monkeypatch.setitem(sys.modules, "users", sys.modules[__name__])
    (features, labels), _ = batches(augmentation="users.negated")
    np.testing.assert_array_equal(features["numeric"], -FEATURES["numeric"])
    np.testing.assert_array_equal(labels, NUMBER[:, None])
    with pytest.raises(UserError, match=r"users\.wrong returns .*4000, 1.* were expected: .*4000, 2"):
        batches(augmentation="users.wrong")
    with pytest.raises(UserError, match=r"users\.failing failed: KeyError: 'tokens'\. It is called as function"):
        batches(augmentation="users.failing")

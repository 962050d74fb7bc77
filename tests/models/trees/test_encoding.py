"""Categoricals and texts as target means."""

import numpy as np

from core.spec import Input
from models.trees.encoding import Encoding

SMALL, LARGE = Input("small", "categorical", size=3), Input("large", "categorical", size=20)


def test_few_values_become_one_hot():
    features = {"numeric": np.array([[1.0], [2.0]], np.float32), "categorical": np.array([[2], [0]], np.int32)}
    encoding = Encoding.of((Input("x", "numeric"), SMALL), features, np.zeros([2, 1]))
    encoding.build()
    np.testing.assert_array_equal(encoding.encode(features, 2), [[1, 0, 0, 1], [2, 1, 0, 0]])


def test_a_number_is_missing_where_its_indicator_says_so():
    inputs = (Input("x", "numeric"), Input("gap", "numeric", missing_of="y"), Input("y", "numeric"))
    features = {"numeric": np.array([[1, 0, 5], [2, 1, 6], [3, 0, 7]], np.float32)}
    encoding = Encoding.of(inputs, features, np.zeros([3, 1]))
    encoding.build()
    np.testing.assert_array_equal(encoding.encode(features, 3), [[1, 5], [2, np.nan], [3, 7]])


def test_many_values_become_index_mean_and_count():
    features = {"categorical": np.array([[7]] * 30 + [[8]] * 10, np.int32)}
    labels = np.array([[1.0]] * 30 + [[0.0]] * 10)
    encoding = Encoding.of((LARGE,), features, labels)
    encoding.fit(features, labels, None, seed=0)
    found = encoding.encode({"categorical": np.array([[7], [8], [9]], np.int32)}, 3)
    # The mean of all rows is 0.75, and counts as ten rows.
    expected = [[7, 37.5 / 40, np.log(31)], [8, 7.5 / 20, np.log(11)], [9, 0.75, 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_weights_count_as_rows():
    features, labels, weights = (
        {"categorical": np.array([[7], [8]], np.int32)},
        np.array([[1.0], [0.0]]),
        np.array([30, 10]),
    )
    encoding = Encoding.of((LARGE,), features, labels, weights)
    encoding.fit(features, labels, weights, 0)
    np.testing.assert_allclose(encoding.encode({"categorical": np.array([[7]], np.int32)}, 1)[0, 1], 37.5 / 40)


def test_the_own_label_of_a_row_is_left_out():
    alone = {"categorical": np.arange(20, dtype=np.int32)[:, None]}  # every row has its own value
    labels = np.arange(20.0)[:, None]
    encoding = Encoding.of((LARGE,), alone, labels)
    np.testing.assert_allclose(encoding.fit(alone, labels, None, seed=0)[:, 1], 9.5)


def test_pairs_have_means_of_their_own():
    features = {"categorical": np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10, np.int32)}
    labels = (features["categorical"].sum(axis=1, keepdims=True) == 1).astype(float)
    encoding = Encoding.of((SMALL, SMALL), features, labels)
    encoding.fit(features, labels, None, seed=0)
    found = encoding.encode({kind: values[:4] for kind, values in features.items()}, 4)
    np.testing.assert_allclose(found[:, 6], [5 / 20, 15 / 20, 15 / 20, 5 / 20])


def test_a_text_is_the_mean_of_its_tokens():
    features = {"tokens": np.array([[[1, 2]]] * 10 + [[[3, 0]]] * 10, np.int32)}
    targets = np.eye(2)[[0] * 10 + [1] * 10]
    encoding = Encoding.of((Input("text", "tokens", size=4),), features, targets)
    encoding.fit(features, targets, None, seed=0)
    found = encoding.encode({"tokens": np.array([[[1, 3, 0]], [[1, 2, 2]], [[0, 0, 0]]], np.int32)}, 3)
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.75, 0.25], [np.nan, np.nan]])

"""Symmetric trees as TensorFlow operations."""

import catboost
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.trees import boosting
from models.trees.forest import Forest, Trees

# x0 > 1 gives bit 0 and x1 > 5 bit 1 of the first tree; the second asks only whether x1 > 0.
TWO_TREES = {
    "scale_and_bias": [1.0, [0.5]],
    "oblivious_trees": [
        {
            "splits": [{"float_feature_index": 0, "border": 1.0}, {"float_feature_index": 1, "border": 5.0}],
            "leaf_values": [1.0, 2.0, 3.0, 4.0],
        },
        {"splits": [{"float_feature_index": 1, "border": 0.0}], "leaf_values": [10.0, 20.0]},
    ],
}


def test_two_trees_by_hand():
    rows = np.array([[0, 0], [1, 1], [2, 6], [0, 6], [2, -1], [np.nan, np.nan]], np.float32)
    found = Forest.of(Trees.of(TWO_TREES))(rows)
    np.testing.assert_array_equal(found[:, 0], [11.5, 21.5, 24.5, 23.5, 12.5, 11.5])


def test_no_trees_give_the_bias():
    found = Forest.of(Trees.constant(np.array([0.25, -1.0])))(np.zeros([2, 3], np.float32))
    np.testing.assert_array_equal(found, [[0.25, -1.0]] * 2)


@pytest.fixture(scope="module", params=["Logloss", "MultiClass", "RMSE"])
def trained(request):
    generator = np.random.default_rng(0)
    x = generator.normal(size=[600, 3]).astype(np.float32)
    x[:, 1] = np.round(x[:, 1] * 4) / 3
    x[generator.random(x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x).sum(axis=1)
    labels = y if request.param == "RMSE" else np.digitize(y, [0] if request.param == "Logloss" else [-1, 1])
    options = {"iterations": 60, "loss_function": request.param, "logging_level": "Silent"}
    model = catboost.CatBoost({**options, "allow_writing_files": False}).fit(x, labels)
    trees = boosting.read(model)
    return model, Forest.of(trees), trees.borders[np.isfinite(trees.borders)]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_equals_the_library_at_the_borders_and_elsewhere(trained, data):
    model, forest, borders = trained
    near = [np.nextafter(borders, end) for end in np.array([-9e9, 9e9], np.float32)]
    at = np.concatenate([borders, *near])
    value = st.one_of(st.integers(0, len(at) - 1).map(at.__getitem__), st.just(np.nan), st.floats(width=32))
    rows = np.array(data.draw(st.lists(st.tuples(value, value, value), min_size=1, max_size=20)), np.float32)
    expected = model.predict(rows, prediction_type="RawFormulaVal").reshape(len(rows), -1)
    np.testing.assert_allclose(forest(rows), expected, rtol=0, atol=1e-9)

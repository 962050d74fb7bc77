"""Weights of transformed rows, worked out by hand."""

import numpy as np

from models.preprocessing.rows import TransformedRows


def test_balanced_classes_have_the_same_weight_in_all():
    rows = TransformedRows({"numeric": np.zeros([4, 1], np.float32)}, np.array([0, 0, 0, 2]))
    np.testing.assert_allclose(rows.balanced().weights, [2 / 3, 2 / 3, 2 / 3, 2.0], rtol=1e-6)


def test_balanced_classes_keep_the_weights_of_their_rows():
    rows = TransformedRows({}, np.array([0, 0, 1]), np.array([1.0, 3.0, 2.0], np.float32))
    np.testing.assert_allclose(rows.balanced().weights, [0.75, 2.25, 3.0], rtol=1e-6)
    none = TransformedRows({}, np.array([0, 1]), np.array([0.0, 2.0], np.float32))
    np.testing.assert_allclose(none.balanced().weights, [0.0, 2.0])

"""Tests the losses of labels and the predictions of outputs."""

import keras
import numpy as np
import pytest

from core.spec import Label
from models.heads import Head


def predict(head: Head, outputs: list[list[float]]) -> np.ndarray:
    values = keras.Input([head.outputs], name="numeric")
    return head.predictor(keras.Model({"numeric": values}, values))({"numeric": np.array(outputs, np.float32)}).numpy()


def test_binary_gives_both_scores():
    head = Head.of(Label("y", "binary", "int", ("0", "1")), np.array([0, 1]))
    assert head.outputs == 1
    np.testing.assert_allclose(predict(head, [[0.0], [np.log(3)]]), [[0.5, 0.5], [0.25, 0.75]], rtol=1e-6)
    np.testing.assert_array_equal(head.encode(np.array([0, 1])), [[0.0], [1.0]])


def test_multiclass_gives_a_score_a_class():
    head = Head.of(Label("y", "multiclass", "text", ("a", "b", "c")), np.array([0, 1, 2]))
    assert head.outputs == 3
    np.testing.assert_allclose(predict(head, [[0.0, 0.0, np.log(2)]]), [[0.25, 0.25, 0.5]], rtol=1e-6)
    np.testing.assert_array_equal(head.encode(np.array([2, 0])), [2, 0])


def test_regression_is_learned_in_standard_units_and_given_in_the_labels():
    head = Head.of(Label("y", "regression", "float"), np.array([1.0, 3.0], np.float32))
    assert (head.moments.mean, head.moments.std) == (2.0, 1.0)
    weighted = Head.of(Label("y", "regression", "float"), np.array([0.0, 4.0]), np.array([3.0, 1.0]))
    assert (weighted.moments.mean, weighted.moments.std) == (1.0, pytest.approx(3**0.5))
    np.testing.assert_allclose(weighted.encode(np.array([1.0]))[:, 0], [0.0])
    np.testing.assert_allclose(predict(weighted, [[2.0]]), [1.0 + 2 * 3**0.5], rtol=1e-6)


def test_a_large_label_is_predicted_in_float64():
    """Float32 counts in steps of 128 there."""
    head = Head.of(Label("y", "regression", "double"), np.array([1.7e9 - 3, 1.7e9 + 3]))
    np.testing.assert_array_equal(head.encode(np.array([1.7e9 + 6]))[:, 0], [2.0])
    found = predict(head, [[0.5], [-1.0]])
    assert (found.dtype, found.tolist()) == (np.float64, [1.7e9 + 1.5, 1.7e9 - 3])


def test_an_outlier_of_the_label_is_not_in_its_scale():
    head = Head.of(Label("y", "regression", "float"), np.array([*np.linspace(-10, 10, 100_000), 1e7]))
    assert head.moments.mean == pytest.approx(0, abs=0.5)
    assert head.moments.std == pytest.approx(5.8, abs=0.5)
    assert (head.loss.name, head.validation_metric) == ("huber_loss", "mae")
    assert np.isfinite(head.encode(np.array([3.4e38]))).all()


def test_a_constant_label_is_predicted_as_it_is():
    head = Head.of(Label("y", "regression", "float"), np.array([7.0, 7.0]))
    np.testing.assert_array_equal(predict(head, [[0.0]]), [7.0])


def test_several_members_have_the_mean_of_their_losses_and_of_their_predictions():
    members = keras.Input([2, 1], name="numeric")
    network = keras.Model({"numeric": members}, members)
    outputs = np.array([[[0.0], [np.log(3)]], [[0.0], [0.0]]], np.float32)
    binary = Head("binary", 1)
    np.testing.assert_allclose(
        binary.predictor(network)({"numeric": outputs}), [[(0.5 + 0.25) / 2, (0.5 + 0.75) / 2], [0.5, 0.5]], rtol=1e-6
    )
    loss = binary.loss_of(network)
    of_rows = [(-np.log(0.5) - np.log(0.75)) / 2, -np.log(0.5)]
    np.testing.assert_allclose(loss(np.array([[1.0], [0.0]]), outputs), np.mean(of_rows), rtol=1e-5)
    weights = np.array([3.0, 1.0])
    weighted = loss(np.array([[1.0], [0.0]]), outputs, sample_weight=weights)
    np.testing.assert_allclose(weighted, np.dot(weights, of_rows) / 2, rtol=1e-5)


def test_members_of_several_classes_and_of_a_regression():
    members = keras.Input([2, 3], name="numeric")
    network = keras.Model({"numeric": members}, members)
    outputs = np.log(np.array([[[1.0, 1.0, 2.0], [1.0, 2.0, 1.0]]], np.float32))
    multiclass = Head("multiclass", 3)
    np.testing.assert_allclose(multiclass.predictor(network)({"numeric": outputs}), [[0.25, 0.375, 0.375]], rtol=1e-6)
    expected = -(np.log(0.5) + np.log(0.25)) / 2
    np.testing.assert_allclose(multiclass.loss_of(network)(np.array([2]), outputs), expected, rtol=1e-5)
    numbers = np.array([[[1.0], [3.0]]], np.float32)
    single = keras.Input([2, 1], name="numeric")
    network = keras.Model({"numeric": single}, single)
    regression = Head("regression", 1)
    np.testing.assert_allclose(regression.predictor(network)({"numeric": numbers}), [2.0])
    np.testing.assert_allclose(regression.loss_of(network)(np.array([[2.0]]), numbers), 1.0)

"""Encodings against values worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from core.spec import Input
from models.networks import layers


def test_piecewise_linear_says_how_far_a_value_has_come_through_each_bin():
    encode = layers.PiecewiseLinear([[0.0, 1.0, 3.0], [5.0, 6.0], [7.0], []])
    values = tf.constant([[0.5, 5.25, 7.0, 1.0], [2.0, 9.0, 0.0, 1.0], [-1.0, 4.0, 8.0, 1.0], [3.0, 6.0, 8.0, 1.0]])
    np.testing.assert_allclose(
        encode(values),
        [
            [[0.5, 0.0], [0.25, 0.0], [0, 0], [0, 0]],
            [[1.0, 0.5], [1.0, 0.0], [0, 0], [0, 0]],
            [[0.0, 0.0], [0.0, 0.0], [0, 0], [0, 0]],
            [[1.0, 1.0], [1.0, 0.0], [0, 0], [0, 0]],
        ],
    )


def test_boundaries_that_float32_cannot_tell_apart_are_one():
    encode = layers.PiecewiseLinear([[16_777_216.0, 16_777_217.0, 16_777_220.0]])
    np.testing.assert_allclose(encode(tf.constant([[16_777_218.0]]))[0, 0, :1], [0.5])


def test_normalised_draws_extreme_values_in():
    inputs = (Input("x", "numeric", mean=10.0, std=2.0),)
    values = layers.normalised(inputs, tf.constant([[10.0], [11.0], [8.0], [10.0 + 2 * np.e], [10.0 - 2 * np.e**5]]))
    np.testing.assert_allclose(values[:, 0], [0.0, 0.5, -1.0, 2.0, -6.0], rtol=1e-5)


@pytest.mark.parametrize("std", [1e-10, 1.0, 1e30])
def test_no_value_and_no_scale_is_too_large(std):
    largest = float(np.finfo(np.float32).max)
    values = layers.normalised((Input("x", "numeric", mean=-1e38, std=std),), tf.constant([[largest], [-largest]]))
    assert np.isfinite(values).all()
    encode = layers.PiecewiseLinear([[-largest, 0.0, largest]])
    np.testing.assert_array_equal(encode(tf.constant([[largest]])), [[[1.0, 1.0]]])


@pytest.mark.parametrize("scale", [1e-40, 3e38])  # TensorFlow takes 1e-40 for 0, and 1 / 3e38 too
def test_a_graph_divides_by_extreme_scales_as_eager_code_does(scale):
    inputs, values = (Input("x", "numeric", mean=0.0, std=scale),), tf.constant([[0.0], [4e37], [-4e37]])
    encode = layers.PiecewiseLinear([[0.0, scale]])
    for layer in (encode, lambda numeric: layers.normalised(inputs, numeric)):
        assert np.isfinite(layer(values)).all()
        np.testing.assert_allclose(tf.function(layer)(values), layer(values), rtol=1e-6)


def test_each_numeric_has_weights_of_its_own():
    layer = layers.PerFeatureDense(1)
    layer.build((None, 2, 2))
    layer.kernel.assign([[[1.0], [2.0]], [[3.0], [4.0]]])
    layer.bias.assign([[0.0], [0.5]])
    np.testing.assert_allclose(layer(tf.constant([[[1.0, 1.0], [1.0, 0.0]]]))[0, :, 0], [3.0, 3.5])


def test_fused_embedding_gives_each_categorical_rows_of_its_own():
    layer = layers.FusedEmbedding([2, 3], units=1)
    layer.build((None, 2))
    layer.table.embeddings.assign([[0.0], [1.0], [10.0], [11.0], [12.0]])
    np.testing.assert_allclose(layer(tf.constant([[0, 0], [1, 2]]))[..., 0], [[0, 10], [1, 12]])


def test_a_text_is_the_mean_of_its_tokens_and_padding_does_not_count():
    inputs = (Input("remark", "tokens", size=3),)
    tokens = tf.constant([[[1, 2, 0]], [[2, 2, 2]], [[0, 0, 0]]])
    embedded = layers.text_embedding(inputs, tokens, units=2)
    one, two = embedded[1, 0], 2 * embedded[0, 0] - embedded[1, 0]
    assert not np.allclose(one, two)
    np.testing.assert_array_equal(embedded[2, 0], [0.0, 0.0])

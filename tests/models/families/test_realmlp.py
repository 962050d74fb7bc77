"""Checks RealMLP's layers, its forward pass and its number of parameters against values worked out by hand."""

import numpy as np
import tensorflow as tf

from core.spec import Input
from models import families
from models.networks import realmlp_layers

# The quartiles of the boundaries are 10, 20 and 40; the flag has none.
AGE = Input("age", "numeric", mean=0.0, std=1.0, boundaries=(0.0, 10.0, 20.0, 40.0, 80.0))
FLAG = Input("flag", "numeric", mean=0.5, std=0.25)
COLOUR = Input("colour", "categorical", size=3)
CITY = Input("city", "categorical", size=20)


def test_numerics_are_scaled_by_their_quartiles_and_clipped_smoothly():
    numeric = tf.constant([[20.0, 0.5], [80.0, 1.25], [110.0, -3e38]])
    # z is 0, 2 and 3 for the age; 0, 3 and far below for the flag.
    expected = [[0.0, 0.0], [2 / np.sqrt(1 + 4 / 9), 3 / np.sqrt(2)], [3 / np.sqrt(2), -3.0]]
    np.testing.assert_allclose(realmlp_layers.smoothly_clipped((AGE, FLAG), numeric), expected, rtol=1e-5)


def test_an_embedding_holds_the_number_and_a_mix_of_its_cosines():
    layer = realmlp_layers.PeriodicEmbedding(units=2, frequencies=2)
    layer.build((None, 1))
    # Each weight is used a tenth: frequencies 0.25 and 0.5, phases 0 and pi, a kernel of 1 and 2, a bias of 0.5.
    layer.set_weights(
        [np.array([[2.5, 5.0]]), np.array([[0.0, 10 * np.pi]]), np.array([[[10.0], [20.0]]]), np.array([[5.0]])]
    )
    # For 1: cos(pi / 2) = 0 and cos(2 pi) = 1; for 2: cos(pi) = -1 and cos(3 pi) = -1.
    result = layer(np.array([[1.0], [2.0]], np.float32))
    np.testing.assert_allclose(result, [[[1.0, 2.5]], [[2.0, -2.5]]], rtol=1e-5)


def test_a_dense_layer_divides_by_the_root_of_its_width():
    layer = realmlp_layers.NeuralTangentDense(1)
    layer.build((None, 4))
    layer.set_weights([np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([5.0])])
    np.testing.assert_allclose(layer(np.ones([1, 4], np.float32)), [[10 / 2 + 0.5]])


def test_scaling_and_activation_begin_plain_and_learn_at_their_own_rates():
    scaling, activation = realmlp_layers.Scaling(), realmlp_layers.ParametricActivation("relu")
    values = np.array([[-2.0, 4.0]], np.float32)
    np.testing.assert_array_equal(scaling(values), values)
    np.testing.assert_array_equal(activation(values), [[0.0, 4.0]])
    scaling.set_weights([np.array([0.5, -0.5])])
    activation.set_weights([np.array([-5.0, -5.0])])
    np.testing.assert_allclose(scaling(values), [[-8.0, -8.0]])
    np.testing.assert_allclose(activation(values), [[-1.0, 4.0]])


def test_few_categories_are_one_hot_and_many_have_an_embedding():
    family = families.FAMILIES["realmlp"]
    inputs = (COLOUR, CITY, Input("shape", "categorical", size=2))
    model = family.build(inputs, 1, family.defaults({"layers": 1, "units": 64, "embedding_size": 4}))
    by_name = {layer.name: layer for layer in model.layers}
    by_name["categorical_embedding"].set_weights([np.full([20, 4], 0.5)])
    by_name["hidden_1"].set_weights([np.arange(9.0)[:, None] * np.ones([9, 64]), np.zeros(64)])
    by_name["output"].set_weights([np.full([64, 1], 1 / 64), np.zeros(1)])
    # The colour 2 and the shape 1 are the units 2 and 4 of five; the embedding is the units 5 to 8 at a half. The
    # activation selu multiplies what is above zero by 1.0507.
    hidden = (2 + 4 + 0.5 * (5 + 6 + 7 + 8)) / 3 * 1.0507009
    result = model({"categorical": np.array([[2, 7, 1]])})
    np.testing.assert_allclose(result, [[hidden / 8]], rtol=1e-5)


def test_the_number_of_parameters():
    family = families.FAMILIES["realmlp"]
    hyperparameters = family.defaults({"layers": 2, "units": 64, "embedding_size": 4})
    model = family.build((AGE, FLAG, COLOUR, CITY), 3, hyperparameters)
    numeric = 2 * (16 + 16 + 16 * 3 + 3)
    width = 2 * 4 + 3 + 4
    hidden = (width * 64 + 64) + 64 + (64 * 64 + 64) + 64
    assert model.count_params() == numeric + 20 * 4 + width + hidden + (64 * 3 + 3)

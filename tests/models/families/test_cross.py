"""Checks the cross layer, and the number of parameters of the network, against values worked out by hand."""

import keras
import numpy as np

from core.spec import Input
from models import families
from models.families.cross import cross_layer

DEFAULTS = families.FAMILIES["cross"].defaults


def test_a_cross_layer_multiplies_with_the_encoded_inputs():
    encoded, before = keras.Input((2,)), keras.Input((2,))
    layer = keras.Model([encoded, before], cross_layer(encoded, before, 1, "cross_1"))
    layer.set_weights([np.array([[1.0], [2.0]]), np.array([[3.0, -1.0]]), np.array([0.5, 0.0])])
    # V x = 5 + 2 * 7 = 19; U V x + b = (57.5, -19); times (2, 3) plus x.
    result = layer([np.array([[2.0, 3.0]]), np.array([[5.0, 7.0]])])
    np.testing.assert_allclose(result, [[2 * 57.5 + 5, 3 * -19 + 7]])


def test_the_number_of_parameters():
    inputs = (Input("colour", "categorical", size=3), Input("shape", "categorical", size=2))
    values = {"cross_layers": 2, "rank": 16, "layers": 1, "units": 128, "embedding_size": 4}
    model = families.FAMILIES["cross"].build(inputs, 3, DEFAULTS(values))
    embeddings = (3 + 2) * 4
    cross = 8 * 8 + 8 * 8 + 8  # the width, 2 * 4, is less than the rank
    assert model.count_params() == embeddings + 2 * cross + (8 * 128 + 128) + (128 * 3 + 3)

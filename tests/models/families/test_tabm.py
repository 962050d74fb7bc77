"""Checks the members, their outputs and the number of parameters against values worked out by hand."""

import keras
import numpy as np

from core.spec import Input
from models import families
from models.networks.layers import MemberScaling

INPUTS = (Input("colour", "categorical", size=3), Input("shape", "categorical", size=2))
VALUES = {"members": 4, "layers": 1, "units": 128, "embedding_size": 4}


def test_each_member_scales_the_inputs_by_signs_of_its_own():
    keras.utils.set_random_seed(0)
    scaling = MemberScaling(16)
    scaled = scaling(np.array([[2.0, -3.0]], np.float32)).numpy()
    assert scaled.shape == (1, 16, 2)
    np.testing.assert_array_equal(np.abs(scaled), np.broadcast_to([2.0, 3.0], (1, 16, 2)))
    assert {tuple(row) for row in scaling.scale.numpy()} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_the_members_share_the_hidden_layer_and_each_has_its_output():
    model = families.FAMILIES["tabm"].build(INPUTS, 1, families.FAMILIES["tabm"].defaults(VALUES))
    by_name = {layer.name: layer for layer in model.layers}
    by_name["categorical_embedding"].set_weights([np.ones([5, 4])])
    by_name["members"].set_weights([np.array([[1.0], [2.0], [-1.0], [0.0]]) * np.ones([4, 8])])
    by_name["hidden_1"].set_weights([np.full([8, 128], 0.5), np.zeros(128)])
    by_name["output"].set_weights([np.full([4, 128, 1], 1 / 128), np.array([[0.0], [0.0], [0.5], [0.25]])])
    # Hidden units: relu(8 * scale / 2) is 4, 8, 0, 0; the output is their mean plus the member's bias.
    result = model({"categorical": np.array([[0, 1]])})
    np.testing.assert_allclose(result, [[[4.0], [8.0], [0.5], [0.25]]])


def test_the_number_of_parameters():
    model = families.FAMILIES["tabm"].build(INPUTS, 3, families.FAMILIES["tabm"].defaults(VALUES))
    embeddings, scaling, outputs = (3 + 2) * 4, 4 * 8, 4 * (128 * 3 + 3)
    assert model.count_params() == embeddings + scaling + (8 * 128 + 128) + outputs

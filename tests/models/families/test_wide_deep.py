"""Checks which categoricals are crossed, and the network, against values worked out by hand."""

import numpy as np
import tensorflow as tf

from core.spec import Input
from models import families
from models.families.wide_deep import crossed_pairs

INPUTS = (
    Input("town", "categorical", size=5_000),
    Input("colour", "categorical", size=3),
    Input("age", "numeric"),
    Input("shape", "categorical", size=2),
)
VALUES = {"layers": 1, "units": 128, "embedding_size": 4}
FAMILY = families.FAMILIES["wide_deep"]


def test_the_pairs_with_the_fewest_combinations_are_crossed():
    assert crossed_pairs(INPUTS, 2) == [(1, 2), (0, 2)]
    assert crossed_pairs(INPUTS, 10) == [(1, 2), (0, 2), (0, 1)]
    assert crossed_pairs(INPUTS, 0) == []
    assert crossed_pairs(INPUTS[:1], 10) == []


def test_the_number_of_parameters():
    inputs = (INPUTS[1], INPUTS[3])
    model = FAMILY.build(inputs, 1, FAMILY.defaults(VALUES))
    deep = (3 + 2) * 4 + (8 * 128 + 128) + (128 + 1)
    wide = 3 + 2
    assert model.count_params() == deep + wide + 3 * 2


def test_a_combination_has_a_weight_of_its_own():
    """Colour and shape exclusive or: only the cross can learn it."""
    model = FAMILY.build((INPUTS[1], INPUTS[3]), 1, FAMILY.defaults(VALUES))
    for variable in model.weights:
        variable.assign(tf.zeros_like(variable))
    crosses = model.get_layer("cross_weights").table.embeddings
    crosses.assign([[float(index)] for index in range(6)])
    rows = {"categorical": np.array([[1, 0], [1, 1], [1, 0]], np.int32)}
    first, second, again = model(rows, training=False).numpy()[:, 0]
    assert first == again
    assert {first, second} <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}

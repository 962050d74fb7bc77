"""What a trained model costs, with sizes worked out by hand."""

import keras
import numpy as np

from models.preprocessing.rows import TransformedRows
from models.training import member_costs

ROWS = TransformedRows({"numeric": np.zeros([3, 1], np.float32)}, np.zeros(3))


def with_weights(units: int) -> keras.Model:
    """Returns a model with so many weights and as many biases, of 4 bytes each."""
    x = keras.Input([1], name="numeric")
    return keras.Model({"numeric": x}, keras.layers.Dense(units)(x)[:, 0])


def test_the_memory_is_that_of_a_process_that_loads_the_model():
    """2 * 10**6 weights of 4 bytes, and an output of 3 * 10**6 numbers for the request."""
    asked = np.array([np.inf, np.inf, 1.0, np.inf])
    *others, memory, load = member_costs.measure(with_weights(1_000_000), ROWS, asked).tolist()
    assert 20 < memory < 200
    assert [*others, load] == [0, 0, 0]
    assert member_costs.measure(with_weights(1), ROWS, asked)[2] < memory - 15


def test_the_size_is_that_of_the_weights_and_the_graph():
    asked = np.array([np.inf, 1.0, np.inf, np.inf])
    seconds, size, *others = member_costs.measure(with_weights(100_000), ROWS, asked).tolist()
    assert 0.8 < size < 0.9
    assert [seconds, *others] == [0, 0, 0]


def test_the_time_is_measured_where_it_is_limited():
    seconds, *others = member_costs.measure(with_weights(1), ROWS, np.array([1.0, *[np.inf] * 3])).tolist()
    assert seconds > 0
    assert others == [0, 0, 0]


def test_the_time_to_load_is_measured_where_it_is_limited():
    *others, seconds = member_costs.measure(with_weights(1), ROWS, np.array([*[np.inf] * 3, 1.0])).tolist()
    assert seconds > 0
    assert others == [0, 0, 0]

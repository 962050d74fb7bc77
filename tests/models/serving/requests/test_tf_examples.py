"""tf.Examples as the transform graph takes them, and what is an error."""

import pytest
import tensorflow as tf

from core.spec import Feature
from models.preprocessing import raw_columns
from models.serving.requests import tf_examples
from models.serving.requests.columns import Reader

APRIL_10 = 1_712_707_200_000_000  # 2024-04-10 00:00 UTC in microseconds
FEATURES = [
    Feature("at", "timestamp", "int", written="ISO 8601"),
    Feature("number", "timestamp", "int"),
    Feature("flag", "categorical", "int", written="true or false"),
    Feature("price", "numeric", "double"),
    Feature("tags", "categorical", "int", repeated=True),
]


def _example(**values):
    example = tf.train.Example()
    for name, value in values.items():
        field = {int: "int64_list", float: "float_list", bytes: "bytes_list"}[type(value[0])]
        getattr(example.features.feature[name], field).value.extend(value)
    return example.SerializeToString()


def _read(*examples):
    plausible = dict.fromkeys(("at", "number"), (APRIL_10 // 2, 2 * APRIL_10))
    raw = tf_examples.read(tf.constant(examples, tf.string, [len(examples)]), Reader(FEATURES, plausible))
    found = raw_columns.by_name(FEATURES, raw)
    return {name: tf.sparse.to_dense(column, default_value=-1).numpy().tolist() for name, column in found.items()}


def test_values_of_each_type():
    found = _read(
        _example(at=[b"2024-04-10T02:00+02:00"], number=[APRIL_10], flag=[b"yes"], price=[0.5], tags=[1, 2]),
        _example(at=[APRIL_10], flag=[0], other=[b"ignored"]),
        _example(at=[b""], price=[2.0]),
        b"",
    )
    assert found == {
        "at": [[APRIL_10], [APRIL_10], [-1], [-1]],
        "number": [[APRIL_10], [-1], [-1], [-1]],
        "flag": [[1], [0], [-1], [-1]],
        "price": [[0.5], [-1], [2.0], [-1]],
        "tags": [[1, 2], [-1, -1], [-1, -1], [-1, -1]],
    }


def test_no_rows():
    assert set(map(len, _read().values())) == {0}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"at": [b"soon"]}, "Feature 'at' has the value 'soon', and a moment in ISO 8601"),
        ({"at": [1.5]}, "Feature 'at' has another value than one int64 or one text"),
        ({"at": [APRIL_10, APRIL_10]}, "Feature 'at' has another value than one int64 or one text"),
        ({"number": [1_000 * APRIL_10]}, r"Feature 'number' .* microseconds \(us\)"),
        ({"number": [b"2024-04-10"]}, "number.*Data types don't match"),
        ({"price": [1]}, "price.*Data types don't match"),
        ({"price": [1.0, 2.0]}, "Feature 'price' has several values"),
        ({"flag": [2]}, "Feature 'flag' has the value '2', and true or false was expected"),
    ],
)
def test_errors_name_the_feature(values, expected):
    with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
        _read(_example(), _example(**values))

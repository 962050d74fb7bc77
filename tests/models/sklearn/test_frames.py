"""Tests how data frames and arrays become features, on values by hand."""

import numpy as np
import pandas as pd
import pytest

from core.errors import UserError
from core.spec import Feature
from models.sklearn import frames

FRAME = pd.DataFrame(
    {
        "age": [31.5, np.nan, 40.0, 40.0],
        "member": [True, False, True, True],
        "town": ["Köln", None, "Bonn", "Bonn"],
        "plan": pd.Categorical(["a", "b", "a", None]),
        "when": pd.to_datetime(["1970-01-01", "1970-01-02", None, "1970-01-03 00:00:01"], format="ISO8601"),
        7: [1, 2, 3, 4],
    }
)


def test_kinds_follow_the_types_unless_they_are_given():
    frame = frames.as_frame(FRAME)
    found = frames.features(frame, {"7": "categorical"})
    assert {one.name: (one.kind, one.payload) for one in found} == {
        "age": ("numeric", "double"),
        "member": ("numeric", "double"),
        "town": ("categorical", "text"),
        "plan": ("categorical", "text"),
        "when": ("timestamp", "int"),
        "7": ("categorical", "text"),
    }


def test_columns_are_those_that_the_served_model_takes():
    frame = frames.as_frame(FRAME)
    found = frames.columns(frame, frames.features(frame, {"7": "categorical"}))
    np.testing.assert_array_equal(found["age"], [31.5, np.nan, 40, 40])
    np.testing.assert_array_equal(found["member"], [1, 0, 1, 1])
    assert found["town"].tolist() == ["Köln".encode(), b"", b"Bonn", b"Bonn"]
    assert found["plan"].tolist() == [b"a", b"b", b"a", b""]
    np.testing.assert_array_equal(found["when"], [0, 86_400e6, np.nan, 172_801e6])
    assert found["7"].tolist() == [b"1", b"2", b"3", b"4"]


def test_rows_of_examples_have_null_for_missing():
    frame = frames.as_frame(FRAME)
    wanted = frames.features(frame, {})
    batch = frames.batch(frames.columns(frame, wanted), wanted)
    assert batch.column("age").to_pylist() == [[31.5], None, [40.0], [40.0]]
    assert batch.column("town").to_pylist() == [["Köln".encode()], None, [b"Bonn"], [b"Bonn"]]
    assert batch.column("when").to_pylist() == [[0], [86_400_000_000], None, [172_801_000_000]]


def test_constants_of_numbers_and_categories():
    numbers = frames.constants(np.array([1.0, 2.0, 3.0, np.nan]), Feature("x", "numeric", "double"))
    assert (numbers.mean, numbers.median, numbers.missing) == pytest.approx((2, 2, 0.25))
    towns = np.array([b"Bonn", b"", b"Ulm", b"Bonn"], object)
    categories = frames.constants(towns, Feature("town", "categorical", "text"))
    assert (categories.vocabulary, categories.missing) == (("Bonn", "Ulm"), 0.25)
    assert frames.constants(np.array([np.nan]), Feature("x", "numeric", "double")).missing == 1


def test_arrays_are_numbers():
    assert list(frames.as_frame(np.zeros((2, 3))).columns) == ["x0", "x1", "x2"]
    with pytest.raises(ValueError, match="could not convert string to float"):
        frames.as_frame(np.array([["a"]]))


@pytest.mark.parametrize(
    ("kinds", "message"), [({"twon": "categorical"}, "Did you mean 'town'"), ({"town": "category"}, "'categorical'")]
)
def test_unknown_columns_and_kinds_are_named(kinds, message):
    with pytest.raises(UserError, match=message):
        frames.features(frames.as_frame(FRAME), kinds)

"""Whole numbers whose order the label follows, as amounts, and those that it depends on one by one, as codes."""

import pyarrow as pa
import pytest

from pipeline.profile.column_profile import ColumnProfile
from pipeline.profile.role_inference import infer_role
from pipeline.profile.value_order import orders

ROWS = range(2000)
NOISE = [row * 7919 % 101 / 101 for row in ROWS]
VALUE = [row * 31 % 40 for row in ROWS]  # 0 to 39, 50 rows each
EFFECTS = {
    "monotone": [value / 8 for value in VALUE],
    "ordered": [abs(value - 20) / 4 for value in VALUE],
    "unordered": [value * 17 % 40 / 8 for value in VALUE],
    None: [0.0 for _ in VALUE],
}


def order(label, task, values=VALUE):
    return orders(pa.table({"y": label, "x": values}), "y", task, ["x"]).get("x")


@pytest.mark.parametrize(("expected", "effect"), EFFECTS.items())
def test_the_order_in_a_number_and_in_classes(expected, effect):
    label = [value + 2 * noise for value, noise in zip(effect, NOISE, strict=True)]

    assert order(label, "regression") == expected
    assert order([value > 2.9 for value in label], "binary") in (
        expected,
        "monotone" if expected == "ordered" else None,
    )
    assert order(["abcd"[min(3, int(value / 2))] for value in label], "multiclass") in (expected, "ordered")


def test_missing_values_and_extremes_change_nothing():
    label = [
        1e30 if row == 3 else value + noise for row, value, noise in zip(ROWS, EFFECTS["monotone"], NOISE, strict=True)
    ]
    values = [None if row % 5 == 0 else value for row, value in zip(ROWS, VALUE, strict=True)]

    assert order(label, "regression", values) == "monotone"


def test_few_rows_tell_nothing():
    assert order(EFFECTS["monotone"][:50], "regression", VALUE[:50]) is None


@pytest.mark.parametrize(
    ("name", "found", "low", "high", "distinct", "kind"),
    [
        ("area", "monotone", 20, 260, 200, "numeric"),
        ("area", None, 20, 260, 200, "numeric"),
        ("price", "monotone", 20_000_000, 90_000_000, 90, "numeric"),
        ("price", None, 1_000_000, 90_000_000, 90, "numeric"),
        ("tract", None, 17031010100, 17031980100, 90, "categorical"),
        ("product", None, 20_000_001, 90_000_000, 90, "categorical"),
        ("store", "unordered", 1, 1115, 100, "categorical"),
        ("store", "unordered", 1, 1115, 300, "numeric"),  # three rows a value
        ("store", None, 1, 1115, 100, "numeric"),
        ("zip", "ordered", 10001, 99950, 80, "categorical"),
        ("community_area", None, 1, 77, 77, "categorical"),
        ("month", "ordered", 1, 12, 12, "categorical"),
        ("year", "monotone", 2008, 2023, 16, "numeric"),
        ("visits", "monotone", 0, 12, 13, "numeric"),
        ("rating", "monotone", 1, 5, 5, "categorical"),
        ("area", "monotone", 40, 200, 8, "numeric"),
        ("area", None, 40, 200, 8, "categorical"),
    ],
)
def test_the_role_of_a_whole_number(name, found, low, high, distinct, kind):
    column = ColumnProfile(name, "BIGINT", 1000, 1000, distinct=distinct, low=low, high=high)

    assert infer_role(column, found).kind == kind

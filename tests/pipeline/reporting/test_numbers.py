"""Tests how numbers are shown and where axes have their ticks."""

import math

import pytest

from pipeline.reporting import numbers, svg


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.95734, "0.9573"), (12.345, "12.35"), (51_234.4, "51,234"), (3.0, "3"), (0.00012345, "0.00012"), (None, ""),
     (math.nan, "")],
)  # fmt: skip
def test_number(value, shown):
    assert numbers.number(value) == shown


@pytest.mark.parametrize(
    ("value", "half", "shown"),
    [(0.9573, 0.0121, "0.957 [0.945, 0.969]"), (51_234.0, 1_000.0, "51,234 [50,234, 52,234]"), (0.5, None, "0.5000"),
     (0.5, 0.0, "0.500 [0.500, 0.500]")],
)  # fmt: skip
def test_interval(value, half, shown):
    assert numbers.interval(value, half) == shown


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-3, 12, [0, 5, 10]), (0.94, 0.96, [0.94, 0.945, 0.95, 0.955, 0.96]),
     (2, 2, [2])],
)  # fmt: skip
def test_ticks_are_round(low, high, found):
    assert svg.ticks(low, high) == found


def test_sizes():
    assert [numbers.size(value) for value in (12, 1_234, 5_600_000, 7_100_000_000)] == [
        "12 B", "1.23 kB", "5.6 MB", "7.1 GB",
    ]  # fmt: skip

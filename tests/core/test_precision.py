"""Which columns float32 would round too much."""

import pytest

from core.precision import needs_float64


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.39e9 - 77, 1.39e9 + 77, True),  # float32 counts in steps of 128 there
        (1.7e9 - 4, 1.7e9 + 4, True),
        (-1.39e9 - 77, -1.39e9 + 77, True),
        (52.5200, 52.5204, True),  # places in one street
        (52.3, 52.7, False),  # and in one town
        (1990.0, 2020.0, False),
        (0.0, 1.39e9, False),
        (-1.0, 1.0, False),
        (0.0, 0.0, False),
        (-1e300, 1e300, False),
    ],
)
def test_float32_rounds_by_more_than_a_thousandth_of_the_spread(low, high, expected):
    assert needs_float64(low, high) is expected

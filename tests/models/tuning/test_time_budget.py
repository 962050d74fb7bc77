"""The time of a search."""

import math

import pytest

from models.tuning import time_budget
from models.tuning.time_budget import TimeBudget


@pytest.mark.parametrize(
    ("minutes", "rows", "expected"),
    [("auto", 0, 20), ("auto", 12_000, 32), ("auto", 300_000, 300), ("auto", 10**7, 300), (2.5, 10**7, 150)],
)
def test_the_seconds_of_a_search(minutes, rows, expected):
    assert time_budget.seconds(minutes, rows) == expected


def test_only_what_ends_in_time_is_allowed():
    budget = TimeBudget(60)
    assert budget.allows(50)
    assert not budget.allows(61)
    assert budget.shown() == "1:00 left"
    assert TimeBudget(0).left() == 0
    assert TimeBudget(math.inf).allows(1e9)

"""The time of a search."""

import math

import pytest

from core.config.sections import Tune
from models.tuning import time_budget
from models.tuning.time_budget import TimeBudget


@pytest.mark.parametrize(
    ("minutes", "rows", "expected"),
    [("auto", 0, 15), ("auto", 40_000, 40), ("auto", 300_000, 300), ("auto", 10**7, 300), (2.5, 10**7, 150)],
)
def test_the_seconds_of_a_search(minutes, rows, expected):
    assert time_budget.of_several(minutes, rows) == expected


def test_only_what_ends_in_time_is_allowed():
    budget = TimeBudget(60)
    assert budget.allows(50)
    assert not budget.allows(61)
    assert budget.shown() == " · 1:00 left"
    assert budget.spent() < 0.1
    assert TimeBudget(0).left() == 0
    assert TimeBudget(math.inf).allows(1e9)
    assert (TimeBudget(math.inf).shown(), TimeBudget(math.inf).spent()) == ("", 0)


def test_the_trials_of_one_family_are_not_cut_short():
    assert time_budget.of_one_family("auto") == math.inf
    assert time_budget.of_one_family(2) == 120


def test_a_given_time_ends_the_search_and_not_the_default_number_of_trials():
    assert (Tune().trials, Tune(minutes=3).trials, Tune(minutes=3, trials=7).trials) == (4, 50, 7)

"""Tests the comparison of groups with the other rows on values by hand."""

import numpy as np
import pytest

from models.evaluation import fairness
from models.evaluation.fairness import Gap

ROWS = 400


def _groups(scores, labels, members, weights=None):
    yes = np.asarray(scores, np.float64)
    ones = np.ones(len(labels)) if weights is None else weights
    return fairness.groups("binary", np.asarray(labels), np.stack([1 - yes, yes], axis=1), ones, members)


def test_rates_of_a_group_and_of_the_others():
    # Rows 0 to 199 are the group. Each half has as many rows of both classes; the group gets no true positive, and the
    # others get all of them.
    labels = [0, 1] * 200
    scores = [0.1, 0.2] * 100 + [0.1, 0.9] * 100
    (group,) = _groups(scores, labels, {"town = Bonn": np.arange(200)})
    assert (group.name, group.rows) == ("town = Bonn", 200)
    rates = {name: (gap.value, gap.others) for name, gap in group.gaps.items() if name in fairness.RATES}
    assert rates == {"positive_rate": (0, 0.5), "true_positive_rate": (0, 1), "false_positive_rate": (0, 0)}
    assert (group.gaps["accuracy"].value, group.gaps["accuracy"].others) == (0.5, 1)
    assert group.gaps["true_positive_rate"].half_width > 0


def test_groups_are_of_100_rows_that_count_and_have_others():
    weights = np.ones(ROWS)
    weights[:150] = [0] * 60 + [1] * 90
    members = {"small": np.arange(99), "few that count": np.arange(150), "all": np.arange(ROWS), "b": np.arange(200)}
    assert [group.name for group in _groups([0.5] * ROWS, [0, 1] * 200, members, weights)] == ["b"]


def test_a_group_of_one_class_has_no_ranking():
    (group,) = _groups([0.2, 0.8] * 200, [0] * 200 + [0, 1] * 100, {"one": np.arange(200)})
    assert "auc" not in group.gaps
    assert "true_positive_rate" not in group.gaps
    assert group.gaps["false_positive_rate"].value == 0.5


@pytest.mark.parametrize(("difference", "beyond"), [(0.14, False), (0.16, True), (-0.16, True)])
def test_a_difference_within_its_interval_is_not_beyond_the_limit(difference, beyond):
    assert Gap(0.5 + difference, 0.5, 0.05).is_beyond(0.1) is beyond

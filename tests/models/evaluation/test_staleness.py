"""Tests the impact of age on rows whose law changes with time, and on rows whose law does not."""

import numpy as np
import pytest

from core.spec import Feature
from models.evaluation import staleness

TIME = Feature("when", "timestamp", "int", unit="s")
FEATURES = (TIME, Feature("x", "numeric", "float"), Feature("town", "categorical", "text"))
ROWS = 1_200
DAY = 86_400


def _rows(changes: bool):
    """Rows of 600 days in random order; the label is the sign of x, and from day 300 on the opposite if it changes."""
    random = np.random.default_rng(0)
    when, x = random.integers(0, 600 * DAY, ROWS).astype(np.float64), random.normal(size=ROWS)
    when[0] = np.nan
    turned = (when > 300 * DAY) if changes else np.zeros(ROWS, bool)
    labels = ((x > 0) != turned).astype(np.int64)
    towns = np.where(random.random(ROWS) < 0.5, b"Bonn", b"").astype(object)
    return {"when": when, "x": x, "town": towns}, labels, np.ones(ROWS)


def test_an_old_model_loses_where_the_law_has_changed():
    columns, labels, weights = _rows(changes=True)
    found = staleness.by_age("binary", TIME, FEATURES, columns, labels, weights)
    # The first model knows days 0 to 200; the middles of the later blocks are days 350, 450 and 550.
    assert [one.days for one in found] == pytest.approx([150, 250, 350], abs=15)
    assert found[-1].loss == pytest.approx(1, abs=0.02)


def test_nothing_is_lost_where_it_has_not():
    columns, labels, weights = _rows(changes=False)
    found = staleness.by_age("binary", TIME, FEATURES, columns, labels, weights)
    assert all(abs(one.loss) < 0.02 for one in found)


def test_regression_and_several_classes():
    columns, labels, weights = _rows(changes=True)
    found = staleness.by_age("regression", TIME, FEATURES, columns, labels.astype(np.float64), weights)
    assert found[-1].loss > 0.5
    found = staleness.by_age("multiclass", TIME, FEATURES, columns, labels + (columns["x"] > 1), weights)
    assert found[-1].loss > 0.5


def test_few_rows_or_one_time_tell_nothing():
    columns, labels, weights = _rows(changes=False)
    assert (
        staleness.by_age(
            "binary", TIME, FEATURES, {k: v[:200] for k, v in columns.items()}, labels[:200], weights[:200]
        )
        == []
    )
    once = {**columns, "when": np.zeros(ROWS)}
    assert staleness.by_age("binary", TIME, FEATURES, once, labels, weights) == []
    assert staleness.time_of(FEATURES[1:]) is None

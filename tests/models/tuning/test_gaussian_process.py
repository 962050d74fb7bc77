"""Proposals by a Gaussian process."""

import numpy as np
import pytest

from models.tuning.gaussian_process import propose
from tests.models.tuning.trials import SPACE, trial

PLACES = np.linspace(0.0, 1.0, 9)


@pytest.mark.parametrize("greater_is_better", [False, True])
def test_a_parabola_is_followed_to_its_end(greater_is_better):
    sign = -1 if greater_is_better else 1
    trials = [trial(i, a=float(a), score=sign * float((a - 0.55) ** 2)) for i, a in enumerate(PLACES)]
    values = propose(SPACE, trials, ["a"], greater_is_better, seed=0)
    assert values["a"] == pytest.approx(0.55, abs=0.08)
    assert values["d"] == 7
    assert values not in [tried.hyperparameters.values for tried in trials]
    assert values == propose(SPACE, trials, ["a"], greater_is_better, seed=0)


def test_a_trial_that_diverged_does_not_hide_the_others():
    scores = [*((PLACES[:-1] - 0.3) ** 2), 1e12]
    trials = [trial(i, a=float(a), score=float(score)) for i, (a, score) in enumerate(zip(PLACES, scores, strict=True))]
    assert propose(SPACE, trials, ["a"], False, seed=0)["a"] == pytest.approx(0.3, abs=0.1)


def test_what_is_not_important_stays_near_the_best():
    trials = [trial(i, a=float(a), b=0.01, score=float((a - 0.5) ** 2)) for i, a in enumerate(PLACES)]
    assert propose(SPACE, trials, ["a"], False, seed=1)["b"] == pytest.approx(0.01, rel=4.0)
    assert 0.001 <= propose(SPACE, trials, ["b"], False, seed=1)["b"] <= 0.1

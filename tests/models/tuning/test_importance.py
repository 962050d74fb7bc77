"""The importance of hyperparameters."""

import pytest

from models.tuning.importance import importance
from tests.models.tuning.trials import SPACE, trial

# The score depends on a alone: b takes each of two values equally often, c as well.
TRIALS = [trial(i, a=i / 16, b=(0.002, 0.05)[i % 2], c="xy"[i // 2 % 2], score=(i / 16 - 0.2) ** 2) for i in range(16)]


@pytest.mark.parametrize("greater_is_better", [False, True])
def test_what_decides_the_score_has_most(greater_is_better):
    trials = [trial(0, 0.5, score=None), *TRIALS]
    shares = importance(SPACE, trials, greater_is_better)
    assert next(iter(shares)) == "a"
    assert shares["a"] > 0.6
    assert set(shares) == {"a", "b", "c"}
    assert sum(shares.values()) == pytest.approx(1.0)


def test_few_trials_and_equal_scores_say_nothing():
    assert importance(SPACE, TRIALS[:7], False) == {}
    assert importance(SPACE, [trial(i, i / 16, score=1.0) for i in range(9)], False) == {}

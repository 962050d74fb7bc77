"""Greedy ensemble selection, with weights worked out by hand."""

import numpy as np
import pytest

from models.training.ensemble_selection import bagged, greedy, select

ONES = np.ones(4)


def test_two_opposite_errors_are_averaged():
    # The errors are +1 and -1 (times 2 and 1): with weights w and 1 - w the error is 2w - (1 - w) = 3w - 1, 0 at 1/3.
    labels = np.array([0.0, 10.0, 20.0, 30.0])
    outputs = np.stack([labels + 2, labels - 1])
    assert greedy("regression", labels, outputs, ONES).tolist() == [1 / 3, 2 / 3]


def test_the_selection_stops_at_the_best_step():
    # The first model is right, so that the first step is the best.
    labels = np.array([0.0, 10.0, 20.0, 30.0])
    outputs = np.stack([labels, labels + 5])
    assert greedy("regression", labels, outputs, ONES).tolist() == [1, 0]


def test_the_log_loss_is_that_of_the_mean_probability():
    # Rows 0, 1: 0.9 and 0.3; rows 2, 3: 0.3 and 0.9. Half of each gives 0.6 everywhere: the best mean by symmetry.
    outputs = np.array([[0.9, 0.9, 0.3, 0.3], [0.3, 0.3, 0.9, 0.9]])
    assert greedy("binary", ONES, outputs, ONES).tolist() == [0.5, 0.5]


def test_rows_without_weight_do_not_count():
    labels = np.zeros(4)
    outputs = np.array([[0.0, 0.0, 9.0, 9.0], [1.0, 1.0, 0.0, 0.0]])
    assert greedy("regression", labels, outputs, np.array([1, 1, 0, 0])).tolist() == [1, 0]


def noisy(rows: int, count: int, seed: int, noise: float = 1.0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns labels, and predictions whose errors are independent and equally large."""
    random = np.random.default_rng(seed)
    labels = random.normal(size=rows)
    return labels, [labels + noise * random.normal(size=rows) for _ in range(count)]


def test_independent_errors_make_an_ensemble_of_nearly_equal_weights():
    labels, predictions = noisy(5_000, 3, 0)
    found = select("regression", labels, predictions)
    assert set(found) == {0, 1, 2}
    assert sum(found.values()) == pytest.approx(1)
    assert all(weight == pytest.approx(1 / 3, abs=0.06) for weight in found.values())
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_single_model_is_preferred_where_the_ensemble_gains_nothing():
    labels, (good,) = noisy(1_000, 1, 0, 0.1)
    assert select("regression", labels, [good, good + 1e-9, labels * 0]) in ({0: 1.0}, {1: 1.0})


def test_one_class_only_gives_a_single_model():
    predictions = [np.tile([[0.1, 0.9]], (4, 1)), np.tile([[0.2, 0.8]], (4, 1))]
    assert select("binary", np.ones(4, np.int64), predictions) == {0: 1.0}


def test_a_single_candidate_is_taken():
    assert select("multiclass", np.array([0, 1, 2]), [np.eye(3)]) == {0: 1.0}


def test_the_gain_is_the_loss_of_the_best_single_model_less_that_of_the_ensemble():
    # Errors of +2 and -2 in every row: the mean of both is right, and each alone has the loss 4.
    labels = np.arange(20.0)
    found = bagged("regression", labels, np.stack([labels + 2, labels - 2]), np.ones(20))
    assert found.shares.tolist() == pytest.approx([0.5, 0.5])
    assert (found.loss, found.error) == (4.0, 0.0)
    assert found.gain == pytest.approx(4, abs=0.2)
    assert found.is_better


def test_an_ensemble_of_some_models_is_compared_with_the_best_of_all():
    labels, (good, bad, worse) = noisy(500, 3, 0)
    good = labels + 0.01 * (good - labels)
    found = bagged("regression", labels, np.stack([good, bad, worse]), np.ones(500), [1, 2])
    assert found.shares[0] == 0
    assert found.shares.sum() == pytest.approx(1)
    assert found.gain < 0


@pytest.mark.parametrize(
    ("seconds", "sizes", "chosen"),
    [
        ([1, 1, 9], [0, 0, 0], {0, 1}),
        ([1, 3, 9], [0, 0, 0], {0}),
        ([5, 3, 9], [0, 0, 0], {1}),  # all are too slow, and this is the fastest
        ([0, 0, 0], [4, 4, 11], {0, 1}),
        ([0, 0, 0], [4, 12, 11], {0}),
        ([9, 1, 1], [4, 4, 11], {1}),  # the first is too slow, and the third too large
        ([5, 2, 9], [30, 31, 36], {0}),  # at most 3, 3.1 and 3.6 times the limits
    ],
)
def test_the_limits_choose_among_ensembles(seconds, sizes, chosen):
    labels, predictions = noisy(5_000, 3, 0)
    costs = np.array([seconds, sizes], np.float64).T
    assert set(select("regression", labels, predictions, None, costs, np.array([2.5, 10]))) == chosen


def test_bagging_holds_the_overfitting_of_small_splits_down():
    """Eight models of three kinds, whose errors are related, are weighted on 30 rows and measured on 2,000 others."""
    plain, bags = [], []
    for seed in range(30):
        random = np.random.default_rng(seed)
        truth, kinds = random.normal(size=2_030), random.normal(size=[3, 2_030])
        labels = truth + random.normal(size=2_030)
        outputs = np.stack(
            [
                truth + 0.4 * kinds[model % 3] + random.uniform(0.1, 0.5) * random.normal(size=2_030)
                for model in range(8)
            ]
        )
        few = "regression", labels[:30], outputs[:, :30], np.ones(30)
        for found, shares in ((plain, greedy(*few)), (bags, bagged(*few).shares)):
            found.append(np.mean((shares @ outputs[:, 30:] - truth[30:]) ** 2))
    assert np.mean(bags) < 0.9 * np.mean(plain)

"""The choice of pairs of categoricals."""

import itertools

import numpy as np

from models.trees import pairs

# All combinations of four categoricals of two values, forty times.
VALUES = np.array(list(itertools.product([0, 1], repeat=4)) * 40, np.int32)
SIZES, WEIGHTS = [2, 2, 2, 2], np.ones(len(VALUES))


def select(values, targets, most, sizes=SIZES):
    return pairs.select(sizes, values, targets[:, None].astype(float), WEIGHTS, most, seed=0)


def test_the_pair_whose_values_decide_together_comes_first():
    assert select(VALUES, VALUES[:, 1] != VALUES[:, 3], 1) == [(1, 3)]


def test_a_sum_of_both_is_no_reason_for_a_pair():
    targets = 2.0 * (VALUES[:, 0] + VALUES[:, 2]) + (VALUES[:, 1] != VALUES[:, 3])
    assert select(VALUES, targets, 1) == [(1, 3)]


def test_two_categoricals_that_say_the_same_gain_nothing():
    doubled = np.column_stack([VALUES, VALUES[:, 0]])
    targets = 2.0 * VALUES[:, 0] + (VALUES[:, 1] != VALUES[:, 3])
    assert select(doubled, targets, 1, [*SIZES, 2]) == [(1, 3)]


def test_without_a_gain_beyond_chance_those_of_fewest_combinations_come_first():
    sizes, noise = [5, 4, 3, 2], np.random.default_rng(0).normal(size=len(VALUES))
    assert select(VALUES, noise, 2, sizes) == [(2, 3), (1, 3)]


def test_all_are_taken_where_there_are_few():
    assert sorted(select(VALUES, VALUES[:, 0], 6)) == list(itertools.combinations(range(4), 2))


def test_a_pair_of_too_many_combinations_is_left_out():
    assert select(VALUES[:, :2], VALUES[:, 0], 6, [200, 200]) == []

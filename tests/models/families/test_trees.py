"""The hyperparameters of the trees."""

from models.families.trees import TREES


def test_more_rows_have_deeper_trees_and_a_greater_learning_rate():
    found = TREES.grown(TREES.defaults({"depth": 5}), 4)
    assert found == TREES.defaults({"depth": 7, "learning_rate": 0.1})


def test_no_growth_leaves_the_range():
    found = TREES.grown(TREES.defaults({"learning_rate": 0.2}), 100)
    assert found == TREES.defaults({"depth": 8, "learning_rate": 0.3})

"""Tests the dependence of formula models on their features by hand."""

import numpy as np
import pytest

from core.spec import Feature
from models.evaluation.dependence import DependenceOfModel, grid

A, B = Feature("a", "numeric", "float"), Feature("b", "numeric", "float")
TOWN = Feature("town", "categorical", "text")
COLUMNS = {
    "a": np.array([-1.0, -1.0, 1.0, 1.0]),
    "b": np.array([-1.0, 1.0, -1.0, 1.0]),
    "town": np.array([b"Bonn", b"Bonn", b"Ulm", b""], object),
}


def test_mean_and_lines_of_a_sum():
    found = DependenceOfModel(lambda rows: rows["a"] + 10 * rows["b"], COLUMNS, None).on(A)
    assert (found.values, found.positions) == (["-1", "1"], [-1, 1])
    assert found.mean == [-1, 1]
    assert found.lines == [[-11, -9], [9, 11], [-11, -9], [9, 11]]


def test_effects_that_add_up_do_not_interact_and_a_product_does():
    (added,) = DependenceOfModel(lambda rows: rows["a"] + rows["b"], COLUMNS, None).on_pairs([A, B])
    assert (added.strength, added.mean) == (0, [[-2, 0], [0, 2]])
    (product,) = DependenceOfModel(lambda rows: rows["a"] * rows["b"], COLUMNS, None).on_pairs([A, B])
    assert (product.strength, product.mean) == (1, [[1, -1], [-1, 1]])


def test_categories_have_no_positions_and_the_class_is_chosen():
    def predict(rows):
        positive = np.where(rows["town"] == b"Ulm", 0.75, 0.25)
        return np.stack([1 - positive, positive], axis=1)

    found = DependenceOfModel(predict, COLUMNS, 1).on(TOWN)
    assert (found.values, found.positions, found.mean) == (["Bonn", "Ulm"], [], [0.25, 0.75])


def test_repeated_feature_is_set_to_one_value():
    tags = Feature("tags", "categorical", "text", repeated=True)
    rows = {"tags": np.array([[b"old", b"dear"], [b"old", b""]], object)}
    found = DependenceOfModel(lambda given: np.char.str_len(given["tags"][:, 0].astype("S")) * 1.0, rows, None)
    assert found.on(tags).values == ["old"]
    assert found.on(tags).mean == [3]


@pytest.mark.parametrize("column", [np.full(3, np.nan), np.arange(1000.0)])
def test_grid_is_short(column):
    values, names = grid(column, A, 12)
    assert len(values) == len(names) <= 12
    assert names[0] in ("(missing)", "20")

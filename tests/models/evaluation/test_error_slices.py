"""Tests the slices of a few rows with literal errors."""

import numpy as np
import pytest

from core.spec import Feature
from models.evaluation import error_slices

TOWN = Feature("town", "categorical", "text")
AGE = Feature("age", "numeric", "float")


def test_worst_slice_comes_first():
    columns = {"town": np.array([b"Bonn"] * 40 + [b"K\xc3\xb6ln"] * 40 + [b""] * 40 + [b"Ulm"] * 5, object)}
    errors = np.array([1.0] * 40 + [3.0] * 40 + [2.0] * 40 + [9.0] * 5)
    found = error_slices.worst_first([TOWN], columns, errors, np.ones(125))
    assert [(part.name, part.rows, part.error) for part in found] == [
        ("town = Köln", 40, 3), ("town = (missing)", 40, 2), ("town = Bonn", 40, 1),
    ]  # fmt: skip


def test_numbers_are_cut_at_their_quartiles_and_every_row_is_in_one_slice():
    columns = {"age": np.array([*np.arange(200.0), np.nan])}
    found = error_slices.worst_first([AGE], columns, np.append(np.arange(200.0), 0), np.ones(201))
    assert [part.rows for part in found] == [50, 50, 50, 50]
    assert found[0].name == "age in [149.2, 199]"
    assert found[0].error == 174.5


def test_rows_without_weight_do_not_count():
    columns = {"town": np.array([b"Bonn"] * 40 + [b"Ulm"] * 40, object)}
    weights = np.array([1.0, 0.0] * 40)
    assert error_slices.worst_first([TOWN], columns, np.ones(80), weights) == []


def test_errors_of_rows():
    assert error_slices.row_errors("regression", np.array([1.0, 2.0]), np.array([3.0, 1.5])).tolist() == [2, 0.5]
    scores = np.array([[0.25, 0.75], [0.5, 0.5]])
    assert error_slices.row_errors("binary", np.array([0, 1]), scores) == pytest.approx(-np.log([0.25, 0.5]))


def test_times_are_shown_as_times():
    day = Feature("day", "timestamp", "int", unit="s")
    assert error_slices.shown(86_400.0, day) == "1970-01-02 00:00"
    assert error_slices.shown(17_031_980_000.0, Feature("tract", "categorical", "int")) == "17031980000"

"""Tests the curves of a few rows by hand."""

import numpy as np
import pytest

from core.spec import Label
from models.evaluation import curves

BINARY = Label("bought", "binary", "text", ("no", "yes"))


def scores(*positive):
    return np.array([[1 - score, score] for score in positive], np.float32)


def test_ranking_of_four_rows():
    found = curves.of(BINARY, np.array([0, 0, 1, 1]), scores(0.1, 0.4, 0.35, 0.8), np.ones(4))
    assert found["roc"] == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    assert found["precision_recall"] == [[0.5, 1], [0.5, 0.5], [1, pytest.approx(2 / 3, abs=1e-5)], [1, 0.5]]
    assert found["confusion"] == {"classes": ["no", "yes"], "matrix": [[2, 0], [1, 1]]}


def test_thresholds_count_weights_and_only_higher_scores():
    found = curves.of(BINARY, np.array([0, 1, 1]), scores(0.25, 0.5, 0.75), np.array([2.0, 1.0, 3.0]))["thresholds"]
    assert (found["positives"], found["negatives"]) == (4, 2)
    assert [found["true_positives"][at] for at in (0, 49, 50, 75)] == [4, 4, 3, 0]
    assert [found["false_positives"][at] for at in (0, 24, 25)] == [2, 2, 0]


def test_equal_scores_are_one_point_and_rows_without_weight_do_not_count():
    found = curves.of(BINARY, np.array([0, 1, 1]), scores(0.5, 0.5, 0.9), np.array([1.0, 1.0, 0.0]))
    assert found["roc"] == [[0, 0], [1, 1]]


def test_one_class_alone_has_no_ranking():
    assert "roc" not in curves.of(BINARY, np.array([1, 1]), scores(0.5, 0.6), np.ones(2))


def test_calibration_has_wilsons_interval():
    found = curves.of(BINARY, np.array([0, 1] * 10), scores(*[0.5] * 20), np.ones(20))["calibration"]
    assert [part["rows"] for part in found] == [2] * 10
    assert (found[0]["score"], found[0]["share"]) == (0.5, 0.5)
    # 2 rows, one of them positive: 0.5 ± 1.96 / (2 · sqrt(2 + 1.96²)).
    assert found[0]["high"] == pytest.approx(0.5 + 1.96 / (2 * np.sqrt(2 + 1.96**2)), abs=1e-5)


def test_rare_classes_share_a_row_of_the_confusion_matrix():
    label = Label("kind", "multiclass", "int", tuple(map(str, range(14))))
    labels = np.array([*range(12), *range(12), 12, 13])
    found = curves.of(label, labels, np.eye(14)[labels], np.ones(26))
    assert found["confusion"]["classes"] == [*map(str, range(12)), "(other classes)"]
    assert found["confusion"]["matrix"][-1] == [0] * 12 + [2]
    assert found["calibration"][0]["share"] == 1


def test_each_class_is_ranked_against_all_others():
    label = Label("kind", "multiclass", "text", ("a", "b", "c"))
    predictions = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.7, 0.2, 0.1]])
    found = curves.of(label, np.array([0, 1, 1]), predictions, np.ones(3))["by_class"]
    assert [one["class"] for one in found] == ["a", "b"], "c has no row, so no curve"
    assert found[0]["roc"] == [[0, 0], [0.5, 0], [0.5, 1], [1, 1]]
    assert found[1]["roc"] == [[0, 0], [0, 0.5], [1, 0.5], [1, 1]]
    assert found[1]["precision_recall"] == [[0.5, 1], [0.5, 0.5], [1, pytest.approx(2 / 3, abs=1e-5)]]


def test_regression():
    label = Label("price", "regression", "float")
    found = curves.of(label, np.arange(20.0), np.arange(20.0) + 1, np.ones(20))
    assert found["deciles"][0] == {"predicted": 1.5, "true": 0.5, "error": 1, "rows": 2}
    assert sum(found["residuals"]["rows"]) == sum(map(sum, found["predicted_against_true"]["cells"])) == 20
    constant = curves.of(label, np.ones(3), np.ones(3), np.ones(3))
    assert sum(constant["residuals"]["rows"]) == 3

"""The difference of two models and its standard error, against textbook and chance."""

import math

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.spec import Task
from models.evaluation import metrics, model_comparison
from models.evaluation.model_comparison import Difference, ModelPredictions
from tests.models.evaluation.predicted_rows import rows_of, scores_of


def test_multiclass_and_regression_gain_are_the_difference_of_their_metrics():
    labels = np.array([0, 1, 2, 1])
    random = np.random.default_rng(0)
    pair = {name: random.dirichlet([1, 1, 1], 4) for name in ("candidate", "linear")}
    rows = rows_of(labels, [1, 2, 1, 1], **pair)
    found = model_comparison.difference("multiclass", rows, "linear")
    assert found.gain == pytest.approx(_by_metrics("multiclass", "log_loss", rows), abs=1e-6)
    rows = rows_of([1.0, 2.0, 4.0, 3.0], [1, 2, 1, 1], candidate=[1, 2, 3, 3], linear=[0, 2, 6, 3])
    found = model_comparison.difference("regression", rows, "linear")
    assert found.gain == pytest.approx(_by_metrics("regression", "rmse", rows), abs=1e-6)


def _by_metrics(task: Task, name: str, rows: ModelPredictions) -> float:
    ours, theirs = (
        metrics.compute(task, rows.labels, rows.by_model[model], rows.weights)[name]
        for model in ("candidate", "linear")
    )
    return ours - theirs if task == "binary" else theirs - ours


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5), st.floats(0.1, 3)), min_size=4, max_size=40)
)
def test_auc_gain_is_the_difference_of_the_areas_with_ties_and_weights(drawn):
    labels, ours, theirs, weights = (np.array(column, np.float64) for column in zip(*drawn, strict=True))
    hypothesis.assume(0 < labels.sum() < len(labels))
    rows = rows_of(labels.astype(np.int64), weights, candidate=scores_of(ours / 5), linear=scores_of(theirs / 5))
    found = model_comparison.difference("binary", rows, "linear")
    areas = [roc_auc_score(labels, scores, sample_weight=weights) for scores in (ours, theirs)]
    assert found.gain == pytest.approx(areas[0] - areas[1], abs=1e-9)
    assert found.error >= 0


def test_standard_error_is_that_of_many_samples():
    """DeLong's formula on one sample against the spread of the difference over 300 samples."""
    gains, errors = [], []
    for seed in range(300):
        random = np.random.default_rng(seed)
        truth = random.normal(size=300)
        labels = (truth + random.normal(size=300) > 0).astype(np.int64)
        pair = {name: scores_of(1 / (1 + np.exp(-truth - random.normal(size=300)))) for name in ("candidate", "linear")}
        found = model_comparison.difference("binary", rows_of(labels, **pair), "linear")
        gains.append(found.gain)
        errors.append(found.error)
    assert float(np.mean(errors)) == pytest.approx(float(np.std(gains)), rel=0.12)


def test_noise_seems_better_than_a_constant_about_once_in_twenty():
    passed = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        labels = random.permutation(np.repeat([0, 1], 50))
        rows = rows_of(labels, candidate=scores_of(random.uniform(size=100)), constant=scores_of([0.5] * 100))
        found = model_comparison.difference("binary", rows, "constant")
        passed += found.gain > 1.645 * found.error
    assert 0.02 < passed / 400 < 0.09


def test_error_of_one_row_is_unknown():
    rows = rows_of([1.0], candidate=[1.0], constant=[2.0])
    assert model_comparison.difference("regression", rows, "constant") == model_comparison.Difference(1.0, math.inf)


def test_a_difference_is_said_with_its_interval():
    assert str(Difference(0.012, 0.002)) == "better by 0.0120 [0.0081, 0.0159]"
    assert str(Difference(-3.0, 1.0)) == "worse by 3.0 [1.0, 5.0]"
    assert str(Difference(0.1, 1.0)) == "not clearly better or worse (0.1 [-1.9, 2.1])"
    assert str(Difference(0.1, math.inf)) == "not clearly better or worse (too few rows to tell)"
    assert str(Difference(0.0, 0.0)) == "not clearly better or worse (0.000 [0.000, 0.000])"

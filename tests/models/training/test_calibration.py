"""Temperature scaling, with values worked out by hand."""

import numpy as np
import pytest

from models.training.calibration import Temperature, scaled, temperature


def test_a_temperature_of_two_takes_square_roots():
    # The square roots of 0.8 and 0.2 are in the ratio of 2 to 1.
    scores = np.array([[0.8, 0.2], [0.5, 0.5]], np.float32)
    np.testing.assert_allclose(scaled(scores, 2.0), [[2 / 3, 1 / 3], [0.5, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(Temperature(2.0)(scores), [[2 / 3, 1 / 3], [0.5, 0.5]], rtol=1e-6)


def test_scores_that_are_too_certain_are_scaled():
    # Of 900 rows two thirds are right, at a score of 0.8: the best score is 2/3, that of the temperature 2.
    labels = np.array([0] * 600 + [1] * 300)
    scores = np.tile([[0.8, 0.2]], (900, 1))
    assert temperature("binary", labels, scores) == pytest.approx(2.0, abs=0.01)
    assert temperature("binary", labels, scores, np.full(900, 3.0)) == pytest.approx(2.0, abs=0.01)


def test_few_rows_prove_nothing():
    assert temperature("binary", np.array([0, 0, 1]), np.tile([[0.8, 0.2]], (3, 1))) == 1.0


def test_calibrated_scores_and_regressions_stay():
    labels = np.array([0] * 800 + [1] * 200)
    assert temperature("binary", labels, np.tile([[0.8, 0.2]], (1_000, 1))) == 1.0
    assert temperature("regression", np.ones(3), np.ones(3)) == 1.0

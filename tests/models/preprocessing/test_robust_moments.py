"""Mean and standard deviation beside values that are far from all others."""

import numpy as np
import pytest

from models.preprocessing.robust_moments import RobustMoments


def of(values):
    return RobustMoments.of(np.sort(np.array(values, np.float64)), float(np.mean(values)), float(np.std(values)))


@pytest.mark.parametrize("outlier", [-3.4e38, 9.97e36, 1e30, 1e7])
def test_an_outlier_does_not_count(outlier):
    found = of([1.0, 2.0, 3.0, 4.0, outlier])
    assert (found.mean, found.std, found.outlier) == (2.5, pytest.approx(1.25**0.5), outlier)


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 2.0, 3.0, 4.0],
        [7.0, 7.0, 7.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0],
        [0.0] * 20 + [1e30],  # one of two values, which may be a sign of something
        list(np.exp(np.linspace(-3, 3, 49))),  # a long tail
    ],
)
def test_other_columns_keep_their_moments(values):
    found = of(values)
    assert (found.mean, found.std, found.outlier) == (
        pytest.approx(np.mean(values)),
        pytest.approx(np.std(values)),
        None,
    )


def test_no_values():
    assert RobustMoments.of(np.array([]), 0.0, 0.0) == RobustMoments(0.0, 0.0)

"""Tests whether requests are distributed as train was, by the sizes of both samples."""

import math

import numpy as np

# The approximate quantiles of train have an error of rank of at most this.
RANK_ERROR = 0.005
# All tests of a report together raise a false alarm in at most this share of the reports on unchanged data.
FALSE_ALARMS = 0.04


def kolmogorov_smirnov(distance: float, first: float, second: float) -> float:
    """Returns the p-value of the largest distance between two cumulative distributions.

    Args:
        distance: the distance, from 0 to 1.
        first: the size of one sample.
        second: the size of the other.
    """
    from scipy import special

    size = first * second / max(first + second, 1)
    return float(special.kolmogorov(math.sqrt(size) * max(0.0, distance - RANK_ERROR)))


def homogeneity(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the p-value of Pearson's chi-squared test that two samples have the same shares.

    Args:
        first: float64[cells], the counts of one sample.
        second: float64[cells], the counts of the other.
    """
    from scipy import special

    counts = np.stack([first, second])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2 or not counts.sum(axis=1).all():
        return 1.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    small = expected.min(axis=0) < 5  # the distribution of the statistic holds for larger counts
    if small.any() and not small.all():
        counts, expected = (
            np.column_stack([table[:, ~small], table[:, small].sum(axis=1)]) for table in (counts, expected)
        )
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return float(special.chdtrc(max(1, counts.shape[1] - 1), statistic))


def share(count: float, rows: float, train_count: float, train_rows: float) -> float:
    """Returns the p-value of Fisher's exact test that a share of the rows is that of train."""
    from scipy import stats

    if not rows or not train_rows:
        return 1.0
    table = [[round(count), round(rows - count)], [round(train_count), round(train_rows - train_count)]]
    return float(stats.fisher_exact(table).pvalue)


def rank_sum(auc: float, first: int, second: int) -> float:
    """Returns the one-sided p-value of an area under the ROC curve that is above 1/2 (Mann and Whitney 1947)."""
    deviation = math.sqrt((first + second + 1) / (12 * max(1, first) * max(1, second)))
    return 0.5 * math.erfc((auc - 0.5) / deviation / math.sqrt(2))

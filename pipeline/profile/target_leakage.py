"""Finds features that give the label away by themselves (target leakage), on a sample. They are not dropped."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.spec import Task

# A feature is suspect that alone predicts this share of the labels, or ranks them with this area under the ROC curve.
_SUSPECT = 0.99
# A smaller area is suspect where one value alone decides a good part of the rows, as a tip of 0 decides `big_tip`.
_SUSPECT_AREA = 0.95
_GOOD_PART = 0.2
# For regression, a feature is suspect that alone explains this share of the label's variance.
_SUSPECT_REGRESSION = 0.999
_FEWEST_ROWS = 30


def leaking_features(sample: pa.Table, label: str, task: Task, ordered: Mapping[str, bool]) -> dict[str, str]:
    """Returns how each feature that gives the label away does so.

    Args:
        sample: rows with the label and the features, null where a value is missing.
        label: the label's column.
        task: what kind of prediction it is.
        ordered: for each feature to look at, whether its values are ordered.
    """
    target = label_values(sample[label], task)
    if len(target) < _FEWEST_ROWS:
        return {}
    found = {feature: _evidence(ranks_of(sample[feature]), target, task, ordered[feature]) for feature in ordered}
    return {feature: how for feature, how in found.items() if how}


def label_values(column: pa.ChunkedArray, task: Task) -> np.ndarray:
    """Returns the label as class indexes, or as numbers for regression."""
    if task == "regression":
        return _numpy(column.combine_chunks().cast(pa.float64(), safe=False), np.float64)
    return ranks_of(column)


def ranks_of(column: pa.ChunkedArray) -> np.ndarray:
    """Returns the rank of each value among the different values, int64[rows]; a missing value ranks before all."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = _numpy(encoded.indices.fill_null(-1), np.int32)
    order = _numpy(pc.array_sort_indices(encoded.dictionary), np.uint64).astype(np.int64)
    rank = np.empty(len(order) + 1, np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    rank[-1] = 0
    return rank[codes]


def _numpy(array: pa.Array, dtype: type[np.number]) -> np.ndarray:
    """Returns the values of an array without nulls; `to_numpy` does the same and imports pandas, in half a second."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def _evidence(ranks: np.ndarray, target: np.ndarray, task: Task, ordered: bool) -> str | None:
    counts = np.bincount(ranks)
    repeated = counts[ranks] >= 5  # a value that occurs once predicts only its own row
    many = repeated.sum() >= max(_FEWEST_ROWS, len(ranks) // 2)
    if task == "regression":
        explained = _correlation(ranks, target) if ordered else 0.0
        if many:
            explained = max(explained, _explained(ranks[repeated], target[repeated]))
        return f"explains {explained:.1%} of the label's variance" if explained >= _SUSPECT_REGRESSION else None
    groups = ranks[repeated] if many else _bins(ranks) if ordered else None
    if groups is not None:
        right, guessed = _purity(groups, target[repeated] if many else target)
        if right >= _SUSPECT and 1 - right < 0.2 * (1 - guessed):
            return f"its value alone predicts the label of {right:.1%} of the rows"
    if ordered and target.max() - target.min() == 1:
        area = _area(ranks, target - target.min())
        if area >= (_SUSPECT_AREA if _has_pure_value(counts, ranks, target) else _SUSPECT):
            return f"a threshold on it alone ranks the label with an AUC of {area:.3f}"
    return None


def _has_pure_value(counts: np.ndarray, ranks: np.ndarray, target: np.ndarray) -> bool:
    """Returns whether the most frequent value covers a good part of the rows, all of one class."""
    most = int(counts.argmax())
    return counts[most] >= _GOOD_PART * len(ranks) and len(np.unique(target[ranks == most])) == 1


def _bins(ranks: np.ndarray) -> np.ndarray:
    """Returns for each row its bin, of up to 256 bins of equal size."""
    order = np.argsort(np.argsort(ranks, kind="stable"), kind="stable")
    return order // max(5, len(ranks) // 256)


def _purity(ranks: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Returns the accuracy when each value predicts its most frequent class, and when all predict the same class."""
    classes = int(target.max()) + 1
    values, dense = np.unique(ranks, return_inverse=True)
    table = np.bincount(dense * classes + target, minlength=classes * len(values)).reshape(-1, classes)
    return float(table.max(axis=1).sum() / len(target)), float(table.sum(axis=0).max() / len(target))


def _area(ranks: np.ndarray, target: np.ndarray) -> float:
    """Returns the area under the ROC curve of a feature as a score, ascending or descending, whichever is larger."""
    positive = np.bincount(ranks, weights=target)
    negative = np.bincount(ranks, weights=1 - target)
    pairs = positive.sum() * negative.sum()
    if not pairs:
        return 0.5
    won = (positive * (np.cumsum(negative) - negative / 2)).sum() / pairs
    return float(max(won, 1 - won))


def _explained(ranks: np.ndarray, target: np.ndarray) -> float:
    """Returns the share of the label's variance that the mean of each value explains."""
    total = target.var()
    if not total:
        return 0.0
    _, dense, counts = np.unique(ranks, return_inverse=True, return_counts=True)
    means = np.bincount(dense, weights=target) / counts
    return float(1 - ((target - means[dense]) ** 2).mean() / total)


def _correlation(ranks: np.ndarray, target: np.ndarray) -> float:
    """Returns the square of the rank correlation (Spearman)."""
    known = ranks > 0
    if known.sum() < len(ranks) // 2 or known.sum() < _FEWEST_ROWS:
        return 0.0
    first, second = (_mean_ranks(values) for values in (ranks[known], target[known]))
    if not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1] ** 2)


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """Returns the rank of each value; equal values get their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]

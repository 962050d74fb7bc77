"""Features that give the label away by themselves: sought on a sample, warned of by name, never dropped."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.spec import Task

# How well one feature alone must foretell the label to be suspect: the share of rows, and the area under the ROC curve.
_SUSPECT = 0.99
# Less is suspect where one value alone settles a good part of the rows, as no tip settles that there is no big tip.
_SUSPECT_AREA = 0.95
_GOOD_PART = 0.2
# How much of a number's spread one feature alone must explain.
_SUSPECT_REGRESSION = 0.999
_FEWEST_ROWS = 30


def find(sample: pa.Table, label: str, task: Task, numeric: Mapping[str, bool]) -> dict[str, str]:
    """Returns the features that give the label away, each with how.

    Args:
        sample: rows with the label and the features, nulls where a value is missing.
        label: the label's column.
        task: what kind of prediction it is.
        numeric: the features to look at: whether their values are ordered.
    """
    target = _target(sample[label], task)
    if len(target) < _FEWEST_ROWS:
        return {}
    found = {feature: _how(_ranks(sample[feature]), target, task, numeric[feature]) for feature in numeric}
    return {feature: how for feature, how in found.items() if how}


def _target(column: pa.ChunkedArray, task: Task) -> np.ndarray:
    """Returns the label as class indexes, or as numbers for regression."""
    if task == "regression":
        return _numpy(column.combine_chunks().cast(pa.float64(), safe=False), np.float64)
    return _ranks(column)


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
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


def _how(ranks: np.ndarray, target: np.ndarray, task: Task, ordered: bool) -> str | None:
    counts = np.bincount(ranks)
    repeated = counts[ranks] >= 5  # a value that occurs once foretells its row and nothing else
    many = repeated.sum() >= max(_FEWEST_ROWS, len(ranks) // 2)
    if task == "regression":
        explained = _correlation(ranks, target) if ordered else 0.0
        if many:
            explained = max(explained, _explained(ranks[repeated], target[repeated]))
        return f"explains {explained:.1%} of the label's spread" if explained >= _SUSPECT_REGRESSION else None
    groups = ranks[repeated] if many else _bins(ranks) if ordered else None
    if groups is not None:
        right, guessed = _purity(groups, target[repeated] if many else target)
        if right >= _SUSPECT and 1 - right < 0.2 * (1 - guessed):
            return f"its value alone tells the label of {right:.1%} of the rows"
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
    """Returns into which of up to 256 equally full bins each row falls."""
    order = np.argsort(np.argsort(ranks, kind="stable"), kind="stable")
    return order // max(5, len(ranks) // 256)


def _purity(ranks: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Returns how many labels are right when each value foretells its most frequent one, and with one for all."""
    classes = int(target.max()) + 1
    table = np.bincount(_dense(ranks) * classes + target, minlength=classes)
    table = np.pad(table, (0, -len(table) % classes)).reshape(-1, classes)
    return float(table.max(axis=1).sum() / len(target)), float(table.sum(axis=0).max() / len(target))


def _area(ranks: np.ndarray, target: np.ndarray) -> float:
    """Returns the area under the ROC curve of a feature as a score, whichever way it is turned."""
    positive = np.bincount(ranks, weights=target)
    negative = np.bincount(ranks, weights=1 - target)
    pairs = positive.sum() * negative.sum()
    if not pairs:
        return 0.5
    won = (positive * (np.cumsum(negative) - negative / 2)).sum() / pairs
    return float(max(won, 1 - won))


def _explained(ranks: np.ndarray, target: np.ndarray) -> float:
    """Returns the share of the label's variance that lies between the values' means."""
    total = target.var()
    if not total:
        return 0.0
    dense = _dense(ranks)
    counts = np.bincount(dense)
    means = np.bincount(dense, weights=target) / counts
    return float(1 - ((target - means[dense]) ** 2).mean() / total)


def _correlation(ranks: np.ndarray, target: np.ndarray) -> float:
    """Returns the square of the correlation of ranks."""
    known = ranks > 0
    if known.sum() < len(ranks) // 2 or known.sum() < _FEWEST_ROWS:
        return 0.0
    first, second = (_mean_ranks(values) for values in (ranks[known], target[known]))
    if not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1] ** 2)


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """Returns the position of each value in order, equal values sharing their mean position."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def _dense(ranks: np.ndarray) -> np.ndarray:
    return np.unique(ranks, return_inverse=True)[1]


def warnings(found: Mapping[str, str], label: str, flags: Sequence[str]) -> list[str]:
    """Returns one line a feature that gives the label away."""
    return [
        f"`{feature}` may give away the label `{label}`: {how}. If it is not known when predictions are made, "
        f"leave it out: {flag}"
        for (feature, how), flag in zip(found.items(), flags, strict=True)
    ]

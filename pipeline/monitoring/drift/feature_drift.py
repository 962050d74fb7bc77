"""Counts the values of each feature in requests, and compares the counts with train."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.monitoring import reference
from pipeline.monitoring.drift import significance
from pipeline.monitoring.reference import Categories, Column, Numbers

# Smaller differences are not called drift, however many requests show them.
LEAST_DISTANCE = 0.02  # of the cumulative distributions of numbers
LEAST_SHARE = 0.005  # of the shares of categories, of missing and of unseen values


@dataclasses.dataclass(frozen=True)
class FeatureDrift:
    """A feature in requests beside train.

    Attributes:
        name: the feature.
        measure: `jensen_shannon` for numbers, `l_infinity` for categories, empty for other features.
        distance: the distance from train by this measure, from 0 to 1.
        p_value: of the test that the values have the distribution of train: Kolmogorov-Smirnov for numbers,
            chi-squared for categories.
        effect: what the test measures, to be compared with the least effect of its kind.
        least_effect: the smallest effect that is called drift.
        missing: the share of the rows without a value, and that of train, with the p-value of their difference.
        unseen: the share of values that are not among the categories of train, and the one to expect, likewise.
    """

    name: str
    measure: str
    distance: float
    p_value: float
    effect: float
    least_effect: float
    missing: tuple[float, float, float]
    unseen: tuple[float, float, float] | None = None

    @property
    def tests(self) -> int:
        """The number of tests of this feature."""
        return 1 + bool(self.measure) + (self.unseen is not None)

    def reasons(self, alpha: float) -> list[str]:
        """Returns in which respects the feature drifted, given the level of each test."""
        found = []
        if self.measure and self.p_value < alpha and self.effect >= self.least_effect:
            found.append("distribution")
        if self.missing[2] < alpha and abs(self.missing[0] - self.missing[1]) >= LEAST_SHARE:
            found.append("missing values")
        if self.unseen and self.unseen[2] < alpha and self.unseen[0] - self.unseen[1] >= LEAST_SHARE:
            found.append("unseen categories")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Returns the measurements as JSON can hold them."""
        shares = {"missing": self.missing[0], "train_missing": self.missing[1], "missing_p_value": self.missing[2]}
        if self.measure:
            shares |= {self.measure: self.distance, "p_value": self.p_value}
        if self.unseen:
            names = ("unseen", "expected_unseen", "unseen_p_value")
            shares |= dict(zip(names, self.unseen, strict=True))
        return {name: float(f"{value:.6g}") for name, value in shares.items()}


class FeatureCounts:
    """Counts of one feature in requests: rows, missing values and the distribution."""

    def __init__(self, column: Column) -> None:
        """Starts without rows."""
        self.column = column
        self.rows = self.missing = self.unseen = self._values = 0
        self._vocabulary = column.train.vocabulary if column.feature.kind == "categorical" else None
        distribution = column.distribution
        self._below = self._up_to = self._cells = np.zeros(0)
        if isinstance(distribution, Numbers):
            self._below, self._up_to = np.zeros(len(distribution.edges)), np.zeros(len(distribution.edges))
        elif isinstance(distribution, Categories):
            self._cells = np.zeros(len(distribution.counts))
            self._places = pa.array(distribution.frequent, pa.string())

    def add(self, column: pa.LargeListArray) -> None:
        """Adds rows as Examples hold them."""
        values = column.flatten()
        self.rows += len(column)
        self.missing += column.null_count
        if isinstance(self.column.distribution, Numbers):
            self._add_numbers(self.column.distribution, np.asarray(values).astype(np.float64))
        elif isinstance(self.column.distribution, Categories) and len(values):
            self._add_categories(self.column.distribution, values)

    def _add_numbers(self, train: Numbers, values: np.ndarray) -> None:
        finite = np.sort(values[np.isfinite(values)])
        self.missing += len(values) - len(finite)
        self._below += np.searchsorted(finite, train.edges, side="left")
        self._up_to += np.searchsorted(finite, train.edges, side="right")
        self._values += len(finite)

    def _add_categories(self, train: Categories, values: pa.Array) -> None:
        counted = pc.value_counts(values)
        distinct, counts = counted.field("values"), np.asarray(counted.field("counts"))
        self._values += int(counts.sum())
        known = np.asarray(pc.is_in(distinct, value_set=self._vocabulary))
        self.unseen += int(counts[~known].sum())
        texts = distinct.cast(pa.string()) if pa.types.is_integer(distinct.type) else _texts(distinct)
        places = pc.index_in(texts, value_set=self._places).to_numpy(zero_copy_only=False).astype(np.float64)
        rare = np.flatnonzero(np.isnan(places))
        hashed = len(train.counts) == len(train.frequent) + reference.HASHED_CELLS
        places[rare] = len(train.frequent)
        if hashed:
            places[rare] += [reference.cell_of(text.encode()) for text in texts.take(pa.array(rare)).to_pylist()]
        self._cells += np.bincount(places.astype(np.int64), counts, minlength=len(self._cells))

    def result(self) -> FeatureDrift:
        """Returns the comparison with train."""
        train, column = self.column.train, self.column
        share = self.missing / self.rows if self.rows else 0.0
        p_value = significance.share(self.missing, self.rows, train.missing * column.rows, column.rows)
        missing = (share, train.missing, p_value)
        name, distribution = column.feature.name, column.distribution
        if isinstance(distribution, Numbers) and self._values:
            effect = self._largest_gap(distribution)
            p_value = significance.kolmogorov_smirnov(effect, self._values, distribution.count)
            distance = jensen_shannon(*self._bins(distribution))
            return FeatureDrift(name, "jensen_shannon", distance, p_value, effect, LEAST_DISTANCE, missing)
        if isinstance(distribution, Categories) and self._values:
            return self._compare_categories(distribution, missing)
        return FeatureDrift(name, "", 0.0, 1.0, 0.0, 1.0, missing)

    def _largest_gap(self, train: Numbers) -> float:
        """Returns by how much the cumulative shares are apart; an edge that is a frequent value has a range of ranks.

        Quantile i of train is at least i / n of its values, and at most i / n of them are below it.
        """
        above = train.ranks - self._up_to / self._values
        below = self._below / self._values - train.ranks
        return float(max(above.max(), below.max(), 0.0))

    def _bins(self, train: Numbers) -> tuple[np.ndarray, np.ndarray]:
        """Returns the shares of train and of the requests between the edges and beyond them."""
        last = np.append(np.diff(train.edges) > 0, True)
        trained = np.diff(np.concatenate([[0.0], train.ranks[last], [1.0]]))
        requested = np.diff(np.concatenate([[0.0], self._up_to[last] / self._values, [1.0]]))
        return trained, requested

    def _compare_categories(self, train: Categories, missing: tuple[float, float, float]) -> FeatureDrift:
        total = train.counts.sum()
        gaps = np.abs(train.counts / max(total, 1) - self._cells / self._values)
        expected = self.column.train.unseen
        share = self.unseen / self._values
        unseen_p = significance.share(self.unseen, self._values, expected * total, total)
        return FeatureDrift(
            self.column.feature.name,
            "l_infinity",
            float(gaps.max()),
            significance.homogeneity(train.counts, self._cells),
            float(gaps.sum() / 2),
            LEAST_SHARE,
            missing,
            (share, expected, unseen_p),
        )


def _texts(values: pa.Array) -> pa.Array:
    """Returns bytes as texts; bytes that are no UTF-8 are written with a replacement."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([value.decode(errors="replace") for value in values.to_pylist()])


def jensen_shannon(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the Jensen-Shannon divergence of two distributions, with logarithms of base 2: from 0 to 1."""
    middle = (first + second) / 2

    def divergence(shares: np.ndarray) -> float:
        some = shares > 0
        return float((shares[some] * np.log2(shares[some] / middle[some])).sum())

    return max(0.0, (divergence(first) + divergence(second)) / 2)


class Drift:
    """Compares requests with train, feature by feature."""

    def __init__(self, columns: Iterable[Column]) -> None:
        """Starts without rows."""
        self.counts = [FeatureCounts(column) for column in columns]

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds rows as Examples hold them."""
        for counts in self.counts:
            counts.add(batch.column(counts.column.feature.name))

    def results(self) -> list[FeatureDrift]:
        """Returns the comparison of each feature."""
        return [counts.result() for counts in self.counts]


def alpha(found: Iterable[FeatureDrift], more: int) -> float:
    """Returns the level of each test: Bonferroni's, so that all tests together have few false alarms.

    Args:
        found: the features.
        more: the number of tests that are not of a single feature.
    """
    tests = sum(feature.tests for feature in found) + more
    return significance.FALSE_ALARMS / max(1, tests)

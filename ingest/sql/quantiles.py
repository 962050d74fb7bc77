"""Computes quantiles of a column by counting its values in finer and finer buckets.

The counts of units add up to the counts of the table, so every division of a table among workers gives the same
boundaries. A step is one pass over one column; two or three are enough.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

BUCKETS = 4_096
_TOLERANCE = 0.0005  # of the number of values
_STEPS = 8


@dataclasses.dataclass(frozen=True)
class Interval:
    """An interval that contains a boundary; `below` values are less than its lower end."""

    low: float
    high: float
    below: int


@dataclasses.dataclass(frozen=True)
class Bucket:
    """The number of values in a bucket, the least and the greatest of them."""

    count: int
    low: float
    high: float

    def __add__(self, other: "Bucket") -> "Bucket":
        return Bucket(self.count + other.count, min(self.low, other.low), max(self.high, other.high))


Histogram = Mapping[int, Bucket]


def from_rows(histograms: Iterable[Iterable[Sequence[float]]]) -> dict[int, Bucket]:
    """Returns the sum of histograms of one interval, each given as rows of index, count, least and greatest value."""
    total: dict[int, Bucket] = {}
    for rows in histograms:
        for index, count, low, high in rows:
            bucket = Bucket(int(count), low, high)
            total[int(index)] = total[int(index)] + bucket if index in total else bucket
    return total


def bucket_sql(key: str, interval: Interval) -> str:
    """Returns SQL for the bucket of the interval in which a key is, NULL outside of it."""
    width = interval.high - interval.low
    inside = f"{key} >= {interval.low!r} AND {key} < {interval.high!r}"
    return (
        f"CASE WHEN {inside} THEN least({BUCKETS - 1}, floor(({key} - {interval.low!r}) / {width!r} * {BUCKETS})) END"
    )


class QuantileSearch:
    """Finds the boundaries below which given shares of all values lie.

    Example:
        search = QuantileSearch([0.8, 0.9], low=0.0, high=100.0, count=1000)
        while search.intervals:
            search.take([count(interval) for interval in search.intervals])
        search.boundaries
    """

    def __init__(self, shares: Sequence[float], low: float, high: float, count: int) -> None:
        self._count = count
        self._targets = [share * count for share in shares]
        whole = Interval(low, _next(high), 0)
        self._open: dict[int, Interval] = dict.fromkeys(range(len(shares)), whole)
        self._found: dict[int, float] = {}
        self._steps = 0

    @property
    def intervals(self) -> list[Interval]:
        """The intervals in which to count; none when all boundaries are found."""
        return [self._open[index] for index in sorted(self._open)]

    @property
    def boundaries(self) -> tuple[float, ...]:
        """The boundaries, in the order of the shares."""
        return tuple(self._found[index] for index in sorted(self._found))

    def take(self, histograms: Sequence[Histogram]) -> None:
        """Narrows the intervals by the number of values in each bucket of each interval."""
        self._steps += 1
        for index, histogram in zip(sorted(self._open), histograms, strict=True):
            interval, target = self._open.pop(index), self._targets[index]
            number, below = self._reached(interval, histogram, target)
            bucket = histogram[number]
            misses = {bucket.low: abs(below - target), _next(bucket.high): abs(below + bucket.count - target)}
            best = min(misses, key=lambda edge: misses[edge])
            if misses[best] <= _TOLERANCE * self._count or bucket.low == bucket.high or self._steps == _STEPS:
                self._found[index] = best
            else:
                self._open[index] = Interval(bucket.low, _next(bucket.high), below)

    def _reached(self, interval: Interval, histogram: Histogram, target: float) -> tuple[int, int]:
        """Returns the bucket in which the target is reached, and the number of values below the bucket."""
        below = interval.below
        *numbers, last = sorted(histogram)
        for number in numbers:
            if below + histogram[number].count >= target:
                return number, below
            below += histogram[number].count
        return last, below


def _next(value: float) -> float:
    """Returns the least number above a value."""
    return math.nextafter(value, math.inf)

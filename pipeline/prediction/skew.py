"""Compares rows with the statistics of train: unknown categories, newly missing values, values outside the range.

The thresholds are the constants below and those of `train_stats`. A share stands out where it exceeds the share that
train lets expect by more than `TOLERANCE` and two standard errors. A feature is wholly unknown where none of its
categories is known, or where all its values lie far beyond one end of the range.

Example:
    skew = Skew(train_stats.read(version, spec))
    for batch in batches:
        skew.add(batch)
    skew.check()
    print(skew.warnings(), skew.to_dict())
"""

import copy
import math
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import UserError
from pipeline.prediction.train_stats import Range, TrainStats

TOLERANCE = 0.05
LEAST_VALUES = 10  # of fewer values, no column is called wholly unknown
_MOST_SHOWN = 3
_NUMBERS: Mapping[str, Callable[[float], float]] = {"int": int, "float": lambda value: float(f"{value:.7g}")}


class FeatureSkew:
    """Counts the values of one feature that train did not have.

    Attributes:
        train: the values in train.
        rows, missing: the number of rows, and of those without a value.
        values: the number of values; a row of a repeated feature may have several.
        unknown: categorical only: the number of values outside the vocabulary.
        outside: the number of values outside the accepted range.
        found: numbers and moments only: the smallest and the largest value; None without any.
        examples: some of the unknown values.
    """

    def __init__(self, train: TrainStats) -> None:
        """Starts without rows."""
        self.train = train
        self.is_categorical = train.feature.kind == "categorical"
        self._vocabulary = train.vocabulary
        self.rows = self.missing = self.values = self.unknown = self.outside = 0
        self.found: Range | None = None
        self.examples: list[str] = []

    def add(self, column: pa.LargeListArray) -> None:
        """Adds rows as Examples hold them."""
        values = column.flatten()
        self.rows += len(column)
        self.missing += column.null_count
        self.values += len(values)
        if self.is_categorical:
            self._add_categories(values)
        elif self.train.values is not None and len(values):
            self._add_numbers(values)

    def _add_categories(self, values: pa.Array) -> None:
        known = pc.is_in(values, value_set=self._vocabulary)
        unknown = len(values) - known.true_count
        self.unknown += unknown
        if unknown and len(self.examples) < _MOST_SHOWN:
            some = pc.unique(values.filter(pc.invert(known)).slice(0, 1_000)).to_pylist()
            self.examples = list(dict.fromkeys([*self.examples, *map(_text, some)]))[:_MOST_SHOWN]

    def _add_numbers(self, values: pa.Array) -> None:
        least, most = pc.min_max(values).as_py().values()
        before = self.found or (least, most)
        self.found = min(least, before[0]), max(most, before[1])
        low, high = self.train.accepted
        if least < low or most > high:
            numbers = np.asarray(values)
            self.outside += int(np.count_nonzero((numbers < low) | (numbers > high)))

    def merge(self, other: "FeatureSkew") -> None:
        """Adds the rows that another one has seen."""
        for count in ("rows", "missing", "values", "unknown", "outside"):
            setattr(self, count, getattr(self, count) + getattr(other, count))
        ranges = [found for found in (self.found, other.found) if found]
        self.found = (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None
        self.examples = list(dict.fromkeys([*self.examples, *other.examples]))[:_MOST_SHOWN]

    def warnings(self) -> list[str]:
        """Returns what stands out, a line each."""
        name, train, lines = self.train.feature.name, self.train, []
        if _stands_out(self.missing, self.rows, train.missing):
            lines.append(
                f"{name!r} is missing in {self.missing / self.rows:.1%} of the rows, in train {train.missing:.1%}"
            )
        if _stands_out(self.unknown, self.values, train.unseen):
            lines.append(
                f"{name!r} has unknown categories in {self.unknown / self.values:.1%} of its values{self._beside()}"
            )
        if _stands_out(self.outside, self.values, 0.0):
            lines.append(f"{name!r} is out of range in {self.outside / self.values:.1%} of its values{self._beside()}")
        return lines

    def note(self) -> str:
        """Returns what the model does with unknown categories, where a few are no warning; empty without any."""
        if not self.unknown or _stands_out(self.unknown, self.values, self.train.unseen):
            return ""
        name, examples = self.train.feature.name, ", ".join(map(repr, self.examples))
        share = f"{self.unknown:,} of the {self.values:,} values"
        return f"{name!r}: the model treats {share} as unknown categories, such as {examples}"

    def problem(self) -> str | None:
        """Returns the problem of a feature of which all values are unknown; None for every other one."""
        name, (low, high) = self.train.feature.name, self.train.near
        if self.values < LEAST_VALUES:
            return None
        if self.unknown == self.values and _stands_out(self.unknown, self.values, self.train.unseen):
            return f"{name!r}: none of its {self.values:,} values is a category that training had{self._beside()}"
        if self.found and (self.found[1] < low or self.found[0] > high):
            return f"{name!r}: all its {self.values:,} values are far out of range{self._beside()}"
        return None

    def _beside(self) -> str:
        """Returns examples of the values beside those of train."""
        if self.is_categorical:
            usual = self.train.categories[:_MOST_SHOWN]
            return f", such as {', '.join(map(repr, self.examples))}; in train {', '.join(map(repr, usual))}"
        return f", {self._shown(self.found)}; in train {self._shown(self.train.values)}"

    def _shown(self, values: Range | None) -> str:
        return " to ".join(map(str, self._ends(values)))

    def _ends(self, values: Range | None) -> list[Any]:
        """Returns the ends of a range: numbers, and moments as text."""
        feature = self.train.feature
        if feature.kind != "timestamp":
            return [_NUMBERS.get(feature.payload, float)(value) for value in values or ()]
        return [str(np.datetime64(int(value), feature.unit)).removesuffix(".000000") for value in values or ()]

    def to_dict(self) -> dict[str, Any]:
        """Returns the shares of this feature and of train."""
        train = self.train
        shares = {"missing": _share(self.missing, self.rows), "train_missing": _rounded(train.missing)}
        if self.is_categorical:
            shares |= {"unknown": _share(self.unknown, self.values), "expected_unknown": _rounded(train.unseen)}
            return {**shares, "unknown_examples": self.examples}
        if train.values is None:
            return shares
        ranges = {"range": self._ends(self.found), "train_range": self._ends(train.values)}
        return {**shares, "out_of_range": _share(self.outside, self.values), **ranges}


class Skew:
    """Compares rows with train, feature by feature. Without statistics of train, nothing is compared."""

    def __init__(self, features: Iterable[TrainStats]) -> None:
        """Starts without rows."""
        self.features = [FeatureSkew(train) for train in features]

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds rows as Examples hold them."""
        for feature in self.features:
            feature.add(batch.column(feature.train.feature.name))

    def merge(self, other: "Skew") -> None:
        """Adds the rows that another comparison with the same train has seen; one of them may have no features yet."""
        if not self.features:
            self.features = copy.deepcopy(other.features)
        elif other.features:
            for feature, seen in zip(self.features, other.features, strict=True):
                feature.merge(seen)

    def warnings(self) -> list[str]:
        """Returns a line for each share that stands out."""
        return [line for feature in self.features for line in feature.warnings()]

    def notes(self) -> list[str]:
        """Returns a line for each feature with a few unknown categories."""
        return [note for feature in self.features if (note := feature.note())]

    def check(self, accepted: Collection[str] = ()) -> None:
        """Checks that no feature is wholly unknown.

        Args:
            accepted: the features that may be.

        Raises:
            UserError: a feature is.
        """
        problems = {feature.train.feature.name: feature.problem() for feature in self.features}
        found = {name: problem for name, problem in problems.items() if problem and name not in accepted}
        if found:
            lines = "\n".join(f"  {problem}" for problem in found.values())
            raise UserError(
                f"The model was not trained on such values:\n{lines}\n"
                "Write the values as the training had them, blanks, case and units included. If they are right, add "
                f"--allow-unknown {shlex.join(found)}."
            )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Returns the shares of every feature, by its name, as JSON can hold them."""
        return {feature.train.feature.name: feature.to_dict() for feature in self.features}


def _stands_out(count: int, total: int, expected: float) -> bool:
    """Returns whether a count is larger than the expected share of the total lets expect."""
    return count > total * (expected + TOLERANCE) + 2 * math.sqrt(total * expected * (1 - expected))


def _share(count: int, total: int) -> float:
    return _rounded(count / total) if total else 0.0


def _rounded(share: float) -> float:
    return round(share, 6)


def _text(value: bytes | int) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

"""Defines transformed rows: what models are trained on."""

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class TransformedRows:
    """Transformed rows.

    Attributes:
        features: the output of `packing.pack`, as arrays with the rows first.
        labels: class indexes int64[rows], or float64[rows] for regression.
        weights: float32[rows], or None where all rows have the same weight.
    """

    features: Mapping[str, np.ndarray]
    labels: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indexes: np.ndarray | slice) -> "TransformedRows":
        """Returns some of the rows, in memory."""
        features = {kind: values[indexes] for kind, values in self.features.items()}
        return TransformedRows(features, self.labels[indexes], None if self.weights is None else self.weights[indexes])

    def balanced(self) -> "TransformedRows":
        """Returns the rows with weights by which each class counts the same, and all rows together as before.

        Classification only.
        """
        weights = np.ones(len(self), np.float32) if self.weights is None else self.weights
        totals = np.bincount(self.labels, weights)
        shares = totals[totals > 0].size * totals / totals.sum()
        factors = np.divide(1, shares, out=np.zeros_like(shares), where=shares > 0)
        return dataclasses.replace(self, weights=(weights * factors[self.labels]).astype(np.float32))

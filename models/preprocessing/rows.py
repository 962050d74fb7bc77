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

    def joined(self, others: "TransformedRows") -> "TransformedRows":
        """Returns these rows and then others, in memory; texts of unlike lengths are padded with 0."""
        features = {}
        for kind, values in self.features.items():
            parts = [values, others.features[kind]]
            if kind == "tokens":
                longest = max(part.shape[2] for part in parts)
                parts = [np.pad(part, [(0, 0), (0, 0), (0, longest - part.shape[2])]) for part in parts]
            features[kind] = np.concatenate(parts)
        weights = None
        if self.weights is not None and others.weights is not None:
            weights = np.concatenate([self.weights, others.weights])
        return TransformedRows(features, np.concatenate([self.labels, others.labels]), weights)

    def balanced(self) -> "TransformedRows":
        """Returns the rows with weights by which each class counts the same, and all rows together as before.

        Classification only.
        """
        weights = np.ones(len(self), np.float32) if self.weights is None else self.weights
        totals = np.bincount(self.labels, weights)
        shares = totals[totals > 0].size * totals / totals.sum()
        factors = np.divide(1, shares, out=np.zeros_like(shares), where=shares > 0)
        return dataclasses.replace(self, weights=(weights * factors[self.labels]).astype(np.float32))

"""Computes how predictions depend on one feature (partial dependence, ICE) and on two of them together."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from core.spec import Feature
from models.evaluation.curves import numbers
from models.evaluation.error_slices import shown
from models.evaluation.importance import Columns, Predict

_POINTS = 12
_PAIR_POINTS = 5
_CELLS = 80_000  # of the rows for which predictions are made: a wide model needs much time for a row
_MIN_ROWS, _MAX_ROWS = 30, 300
_LINES = 20


@dataclasses.dataclass(frozen=True)
class Dependence:
    """The predictions for each value of a feature, the others as they are in the rows.

    Attributes:
        feature: the name of the feature.
        values: the values as text.
        positions: the values as numbers; none for categories and times.
        mean: the mean prediction for each value (partial dependence).
        lines: the predictions of some rows for each value (individual conditional expectation).
    """

    feature: str
    values: list[str]
    positions: list[float]
    mean: list[float]
    lines: list[list[float]]


@dataclasses.dataclass(frozen=True)
class Interaction:
    """How much of the joint effect of two features is not the sum of their single effects.

    Attributes:
        features: the two features.
        strength: from 0 where the effects add up to 1 where they do not at all, as Friedman's H on a grid of values.
        values: the values of the first and of the second feature as text.
        mean: the mean prediction for each pair of values: a row for each value of the first feature.
    """

    features: tuple[str, str]
    strength: float
    values: tuple[list[str], list[str]]
    mean: list[list[float]]


class DependenceOfModel:
    """The dependence of one output of a model on its features, over a sample of rows.

    Args:
        predict: the model.
        columns: the features as the model takes them, for a bounded number of rows.
        output: the index of the class whose score is the prediction; None for regression.
    """

    def __init__(self, predict: Predict, columns: Columns, output: int | None) -> None:
        self._predict, self._columns, self._output = predict, columns, output
        self._rows = int(np.clip(_CELLS // max(1, len(columns)), _MIN_ROWS, _MAX_ROWS))

    def on(self, feature: Feature) -> Dependence:
        """Returns the dependence on one feature."""
        values, names = grid(self._columns[feature.name], feature, _POINTS)
        by_value = self._predictions({feature.name: values}, self._rows)  # [values, rows]
        categories = feature.payload == "text" or feature.kind != "numeric"
        return Dependence(
            feature=feature.name,
            values=names,
            positions=[] if categories or np.isnan(values).any() else numbers(values),
            mean=numbers(by_value.mean(axis=1)),
            lines=[numbers(line) for line in by_value.T[:_LINES]],
        )

    def on_pairs(self, features: Sequence[Feature]) -> list[Interaction]:
        """Returns the interactions of all pairs of some features, the strongest first."""
        found = [self._on_pair(*pair) for pair in itertools.combinations(features, 2)]
        return sorted(found, key=lambda interaction: -interaction.strength)

    def _on_pair(self, first: Feature, second: Feature) -> Interaction:
        grids = [grid(self._columns[feature.name], feature, _PAIR_POINTS) for feature in (first, second)]
        pairs = list(itertools.product(grids[0][0], grids[1][0]))
        columns = {
            feature.name: np.array([pair[index] for pair in pairs], grids[index][0].dtype)
            for index, feature in enumerate((first, second))
        }
        shape = [len(grids[0][0]), len(grids[1][0])]
        joint = self._predictions(columns, self._rows // 3).mean(axis=1).reshape(shape)
        centred = joint - joint.mean()
        rest = centred - centred.mean(axis=1, keepdims=True) - centred.mean(axis=0, keepdims=True)
        total = float(np.square(centred).sum())
        return Interaction(
            features=(first.name, second.name),
            strength=float(np.sqrt(np.square(rest).sum() / total)) if total > 1e-12 else 0.0,
            values=(grids[0][1], grids[1][1]),
            mean=[numbers(row) for row in joint],
        )

    def _predictions(self, values: Mapping[str, np.ndarray], most_rows: int) -> np.ndarray:
        """Returns the predictions [values, rows] with the named features set to each value in turn."""
        size = len(next(iter(values.values())))
        rows = min(most_rows, len(next(iter(self._columns.values()))))
        columns = {name: np.concatenate([column[:rows]] * size) for name, column in self._columns.items()}
        for name, given in values.items():
            repeated = np.repeat(given, rows)
            columns[name] = repeated[:, None] if self._columns[name].ndim > 1 else repeated
        found = self._predict(columns)
        return (found if self._output is None else found[:, self._output]).reshape(size, rows).astype(np.float64)


def grid(column: np.ndarray, feature: Feature, most: int) -> tuple[np.ndarray, list[str]]:
    """Returns typical values of a feature: quantiles of numbers or the most frequent categories, and their names."""
    values = column[:, 0] if column.ndim > 1 else column
    text = feature.payload == "text"
    missing = values == b"" if text else np.isnan(values)
    distinct, counts = np.unique(values[~missing], return_counts=True)
    if text or feature.kind == "categorical":
        chosen = distinct[np.argsort(-counts, kind="stable")[:most]]
    elif len(distinct) > most:
        chosen = np.unique(np.quantile(values[~missing], np.linspace(0.02, 0.98, most), method="nearest"))
    else:
        chosen = distinct
    if not len(chosen):
        chosen = np.array([b"" if text else np.nan], column.dtype)
    return chosen, [shown(value, feature) for value in chosen]

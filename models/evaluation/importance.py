"""Computes how much worse a model predicts when the values of a feature are shuffled among the rows."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from core.spec import Task
from models.evaluation import model_comparison
from models.evaluation.model_comparison import Difference, ModelPredictions

Columns = Mapping[str, np.ndarray]
Predict = Callable[[Columns], np.ndarray]

# With more features, groups of them are shuffled first, and then each feature of the groups that matter most.
MAX_SINGLE = 48
_PREDICTED_ROWS = 50_000  # of all shuffles together, roughly
_PREDICTED_CELLS = 30_000_000
_MIN_ROWS, _MAX_ROWS = 200, 10_000
_MAX_REPEATS = 5
_ROWS_AT_ONCE = 4_096
_Z = 1.96


@dataclasses.dataclass(frozen=True)
class Importance:
    """The loss of the primary metric when a feature is shuffled.

    Attributes:
        feature: the name of the feature.
        loss: the mean over the shuffles; positive where the feature helps.
        half_width: half the width of the 95 % interval, over the rows and the shuffles.
    """

    feature: str
    loss: float
    half_width: float


def num_rows(num_features: int) -> int:
    """Returns for how many rows the importance is computed: a wide model needs much time for a row."""
    shuffles = num_features if num_features <= MAX_SINGLE else 2 * MAX_SINGLE
    return int(np.clip(_PREDICTED_CELLS // max(1, num_features * shuffles), _MIN_ROWS, _MAX_ROWS))


def by_permutation(
    predict: Predict, columns: Columns, task: Task, labels: np.ndarray, weights: np.ndarray, base: np.ndarray
) -> list[Importance]:
    """Returns the features by their importance.

    The loss is that of the area under the ROC curve, of the log loss, or of the root mean squared error. Where a sample
    has rows of one class alone, it is the log loss for a binary task too.

    Args:
        predict: the model.
        columns: the features as the model takes them, for a bounded number of rows.
        task: the kind of prediction.
        labels: of these rows.
        weights: of these rows.
        base: the model's predictions for these rows.
    """
    one_class = task == "binary" and len(np.unique(labels[weights > 0])) < 2
    shuffles = _Shuffles(predict, columns, "multiclass" if one_class else task, labels, weights, base)
    names = list(columns)
    if len(names) > MAX_SINGLE:
        groups = [names[start::MAX_SINGLE] for start in range(MAX_SINGLE)]
        losses = [loss for loss, _ in shuffles.losses(groups, 1)]
        names = [name for index in np.argsort(losses)[::-1] for name in groups[index]][:MAX_SINGLE]
    repeats = int(np.clip(_PREDICTED_ROWS // (len(labels) * len(names)), 1, _MAX_REPEATS))
    losses_of_names = zip(names, shuffles.losses([[name] for name in names], repeats), strict=True)
    found = [Importance(name, *loss) for name, loss in losses_of_names]
    return sorted(found, key=lambda importance: -importance.loss)


class _Shuffles:
    """Shuffles groups of features, and measures how much worse the predictions are."""

    def __init__(
        self, predict: Predict, columns: Columns, task: Task, labels: np.ndarray, weights: np.ndarray, base: np.ndarray
    ) -> None:
        self._predict, self._columns, self._task = predict, columns, task
        self._labels, self._weights, self._base = labels, weights, base
        self._random = np.random.default_rng(0)

    def losses(self, groups: Sequence[Sequence[str]], times: int) -> list[tuple[float, float]]:
        """Returns for each group the mean loss over some shuffles, and half the width of its interval."""
        shuffles = [group for group in groups for _ in range(times)]
        at_once = max(1, _ROWS_AT_ONCE // len(self._labels))  # one call of a model with many inputs takes long
        found = [
            self._difference(shuffled)
            for start in range(0, len(shuffles), at_once)
            for shuffled in self._predictions(shuffles[start : start + at_once])
        ]
        return [_summary(found[start : start + times]) for start in range(0, len(found), times)]

    def _predictions(self, shuffles: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """Returns the predictions with the features of each shuffle in random order."""
        rows = len(self._labels)
        columns = {name: np.concatenate([column] * len(shuffles)) for name, column in self._columns.items()}
        for index, names in enumerate(shuffles):
            order = self._random.permutation(rows)
            for name in names:
                columns[name][index * rows : (index + 1) * rows] = self._columns[name][order]
        return np.split(self._predict(columns), len(shuffles))

    def _difference(self, shuffled: np.ndarray) -> Difference:
        rows = ModelPredictions(self._labels, self._weights, {"candidate": self._base, "shuffled": shuffled})
        return model_comparison.difference(self._task, rows, "shuffled")


def _summary(found: Sequence[Difference]) -> tuple[float, float]:
    """Returns the mean loss, and half the width of its interval over the rows and over the shuffles."""
    gains = [shuffle.gain for shuffle in found]
    between = np.var(gains, ddof=1) / len(gains) if len(gains) > 1 else 0.0
    return float(np.mean(gains)), _Z * float(np.sqrt(np.mean([shuffle.error**2 for shuffle in found]) + between))

"""Computes how much worse a model predicts when the values of a feature are shuffled among the rows."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from core.spec import Task
from models.evaluation import model_comparison
from models.evaluation.model_comparison import ModelPredictions

Columns = Mapping[str, np.ndarray]
Predict = Callable[[Columns], np.ndarray]

# With more features, groups of them are shuffled first, and then each feature of the groups that matter most.
MAX_SINGLE = 48
_PREDICTED_ROWS = 100_000  # of all shuffles together, roughly
_PREDICTED_CELLS = 30_000_000
_MIN_ROWS, _MAX_ROWS = 200, 10_000
_MAX_REPEATS = 5
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
    measured: Task = task
    if task == "binary" and len(np.unique(labels[weights > 0])) < 2:
        measured = "multiclass"
    repeats = int(np.clip(_PREDICTED_ROWS // (len(labels) * min(len(columns), MAX_SINGLE)), 1, _MAX_REPEATS))
    random = np.random.default_rng(0)

    def loss_without(names: Sequence[str], times: int) -> tuple[float, float]:
        found = []
        for _ in range(times):
            order = random.permutation(len(labels))
            shuffled = predict({**columns, **{name: columns[name][order] for name in names}})
            rows = ModelPredictions(labels, weights, {"candidate": base, "shuffled": shuffled})
            found.append(model_comparison.difference(measured, rows, "shuffled"))
        gains, errors = [one.gain for one in found], [one.error for one in found]
        between = np.var(gains, ddof=1) / times if times > 1 else 0.0
        return float(np.mean(gains)), _Z * float(np.sqrt(np.mean(np.square(errors)) + between))

    losses = {
        name: loss_without([name], repeats) for name in _candidates(list(columns), lambda names: loss_without(names, 1))
    }
    found = [Importance(name, *loss) for name, loss in losses.items()]
    return sorted(found, key=lambda importance: -importance.loss)


def _candidates(names: list[str], loss_of: Callable[[Sequence[str]], tuple[float, float]]) -> Iterator[str]:
    """Yields the features that are shuffled one by one: all, or those of the groups that matter most."""
    if len(names) <= MAX_SINGLE:
        yield from names
        return
    groups = [names[start::MAX_SINGLE] for start in range(MAX_SINGLE)]
    groups.sort(key=lambda group: -loss_of(group)[0])
    yield from [name for group in groups for name in group][:MAX_SINGLE]

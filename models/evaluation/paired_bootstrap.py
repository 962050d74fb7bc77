"""Computes the differences of the metrics of several models on the same rows, with paired bootstrap intervals."""

import dataclasses

import numpy as np

from core.spec import Task
from models.evaluation import metrics
from models.evaluation.model_comparison import ModelPredictions

_RESAMPLES = 200
_MAX_ROWS = 10_000  # of more rows a sample is resampled, and the intervals are narrowed to the number of all rows


@dataclasses.dataclass(frozen=True)
class MetricDifference:
    """The difference of a metric from that of the first model, with its 95 % interval."""

    value: float
    low: float
    high: float


def differences(task: Task, rows: ModelPredictions, first: str) -> dict[str, dict[str, MetricDifference]]:
    """Returns by model the difference of each metric from that of the model `first`.

    A metric that some resamples do not define is left out.

    Args:
        task: the kind of prediction.
        rows: the predictions of all models, which are finite numbers.
        first: the name of the model that the others are compared with.
    """
    counted = np.flatnonzero(rows.weights > 0)
    random = np.random.default_rng(0)
    sample = random.permutation(counted)[:_MAX_ROWS]
    resamples = [random.choice(sample, len(sample)) for _ in range(_RESAMPLES)]
    others = [name for name in rows.by_model if name != first]
    whole = {name: _values(task, rows, name, counted) for name in rows.by_model}
    base = [_values(task, rows, first, drawn) for drawn in resamples]
    narrowed = np.sqrt(len(sample) / len(counted))
    found: dict[str, dict[str, MetricDifference]] = {}
    for name in others:
        drawn = [_values(task, rows, name, resample) for resample in resamples]
        found[name] = {}
        for metric, value in whole[name].items():
            if metric in whole[first] and all(metric in values for values in (*drawn, *base)):
                spread = [values[metric] - other[metric] for values, other in zip(drawn, base, strict=True)]
                low, high = np.quantile(spread, [0.025, 0.975])
                middle, difference = float(np.mean(spread)), value - whole[first][metric]
                ends = [difference + float(end - middle) * float(narrowed) for end in (low, high)]
                found[name][metric] = MetricDifference(difference, *ends)
    return found


def _values(task: Task, rows: ModelPredictions, model: str, chosen: np.ndarray) -> dict[str, float]:
    return metrics.compute(task, rows.labels[chosen], rows.by_model[model][chosen], rows.weights[chosen])

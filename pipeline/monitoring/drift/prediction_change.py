"""Measures by how much the drift of a feature moves the predictions."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from core import examples
from core.spec import Feature
from pipeline.monitoring.scorer import Scorer, by_output

LEAST_CHANGE = 0.02  # of the predictions, in their standard deviations: a smaller one is no alarm
_ROWS = 4_096  # of which the change of the predictions is measured


def changes(
    scorer: Scorer, features: Iterable[Feature], before: pa.RecordBatch, after: pa.RecordBatch
) -> dict[str, float]:
    """Returns by how much the drift of each feature alone moves the predictions, in their standard deviations.

    In rows of test, the feature takes values drawn from test, then values drawn from the requests at the same ranks,
    so that the two draws differ as the distributions do. The change is the Wasserstein distance of the predictions.

    Args:
        scorer: the model.
        features: the features.
        before: rows of test.
        after: rows of requests.
    """
    spec = scorer.spec
    base = examples.dense(before.slice(0, _ROWS), spec.features)
    scale = by_output(scorer.dense(base)).std(axis=0)
    count = len(next(iter(base.values())))
    ranks = (np.random.default_rng(0).permutation(count) + 0.5) / count
    moved = {}
    for feature in features:
        predicted = []
        for rows in (before, after):
            values = examples.dense(rows.select([feature.name]), [feature])[feature.name]
            order = np.argsort(values, kind="stable") if values.ndim == 1 else np.arange(len(values))
            drawn = values[order[(ranks * len(values)).astype(int)]]
            predicted.append(np.sort(by_output(scorer.dense({**base, feature.name: drawn})), axis=0))
        distance = np.abs(predicted[0] - predicted[1]).mean(axis=0)
        moved[feature.name] = float((distance[scale > 0] / scale[scale > 0]).max(initial=0.0))
    return moved


def shares(moved: dict[str, float]) -> dict[str, float]:
    """Returns the share of each feature in the changes of all."""
    total = sum(moved.values())
    return {name: change / total if total else 0.0 for name, change in moved.items()}

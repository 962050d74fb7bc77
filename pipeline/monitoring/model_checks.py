"""Predicts the sampled requests again, and derives from the predictions what a report says beside the features."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from core import examples
from core.spec import Feature
from models.serving import model_versions
from pipeline.monitoring import replay, scorer
from pipeline.monitoring.drift import domain_classifier, prediction_change, prediction_drift
from pipeline.monitoring.quality import estimated_quality, measured_quality
from pipeline.monitoring.reference import Reference
from pipeline.monitoring.requests.labels import Labels
from pipeline.monitoring.requests.request_stream import Requests

_LEAST_ROWS = 100  # of requests and of test, for an estimate of the quality and for the domain classifier


@dataclasses.dataclass(frozen=True)
class ModelChecks:
    """What the predictions show.

    Attributes:
        parts: results by name, for `Report`.
        changes: by how much each feature that drifted moves the predictions.
        shares: their shares in the changes of all.
        notes: what was not done, and why.
        predicted: the predictions for the sampled requests; None where they were not made.
        expected: those for rows of test, likewise.
        change: by how much a feature's values in some of the sampled requests move the predictions; None: not known.
    """

    parts: dict[str, Any]
    changes: Mapping[str, float]
    shares: Mapping[str, float]
    notes: tuple[str, ...]
    predicted: np.ndarray | None = None
    expected: np.ndarray | None = None
    change: Callable[[Feature, np.ndarray], float | None] = lambda feature, places: None


def check(
    trained: Reference, requests: Requests, labels: Labels | None, drifted: Sequence[str], level: float
) -> ModelChecks:
    """Predicts the requests.

    Args:
        trained: what the model was trained on.
        requests: the requests.
        labels: their labels; None where none were given.
        drifted: the features that drifted.
        level: the level of each test.
    """
    test, spec = trained.rows, trained.training.spec
    if test is None and not labels:
        return ModelChecks({}, {}, {}, (_without_rows(trained),))
    predict = scorer.Scorer(str(trained.version), spec)
    known = None if test is None else (test, examples.label_values(test, spec.label), predict(test))
    parts, notes = dict[str, Any](), list[str]()
    if labels:
        notes.append(f"{labels.found:,} of {labels.rows:,} labels belong to one of the requests")
        if requests.labelled is not None and requests.labelled.num_rows:
            values = examples.label_values(requests.labelled, spec.label)
            predictions = predict(requests.labelled)
            parts["quality"] = measured_quality.measured(spec.label.task, values, predictions, known and known[1:])
    if known is None:
        return ModelChecks(parts, {}, {}, (*notes, _without_rows(trained)))
    predicted = predict(requests.sample)
    parts["predictions"] = prediction_drift.prediction_drift(spec, predicted, known[2], level)
    if replayed := replay.replay(requests.sample, requests.sample_answers, predicted):
        parts["replay"] = replayed
    if min(requests.sample.num_rows, known[0].num_rows) < _LEAST_ROWS:
        notes.append(f"fewer than {_LEAST_ROWS} requests or rows of test: neither quality nor joint drift is estimated")
    else:
        parts |= _estimates(trained, requests.sample, predicted, known, drifted, level)
    features = [feature for feature in spec.features if feature.name in drifted]
    changes = prediction_change.changes(predict, features, known[0], requests.sample)

    def change(feature: Feature, places: np.ndarray) -> float | None:
        rows = requests.sample.take(pa.array(places))
        return prediction_change.changes(predict, [feature], known[0], rows)[feature.name]

    shares = prediction_change.shares(changes)
    return ModelChecks(parts, changes, shares, tuple(notes), predicted, known[2], change)


def _estimates(
    trained: Reference,
    sample: pa.RecordBatch,
    predicted: np.ndarray,
    known: tuple[pa.RecordBatch, np.ndarray, np.ndarray],
    drifted: Sequence[str],
    level: float,
) -> dict[str, Any]:
    """Returns the estimated quality and the joint drift of the features that did not drift by themselves."""
    test, labels, scores = known
    parts = dict[str, Any]()
    categories = {stats.feature.name: stats.categories for stats in trained.training.stats if stats.categories}
    features = [feature for feature in trained.training.spec.features if feature.kind in ("numeric", "categorical")]
    requested, tested = (scorer.matrix(rows, features, categories) for rows in (sample, test))
    task = trained.training.spec.label.task
    if task == "regression":
        found = estimated_quality.regression((requested, predicted), (labels, scores), tested)
        parts["estimated_quality"] = found
    elif estimate := estimated_quality.classification(task, predicted, (labels, scores)):
        parts["estimated_quality"] = estimate
    others = [place for place, feature in enumerate(features) if feature.name not in drifted]
    if len(others) > 1:
        parts["joint_drift"] = domain_classifier.joint_drift(requested[:, others], tested[:, others], level)
    return parts


def _without_rows(trained: Reference) -> str:
    return (
        f"{trained.version} was pushed without {model_versions.REFERENCE_FILE}: drift of the predictions, their "
        "quality and the share of a feature in it are not known until the pipeline pushes again"
    )

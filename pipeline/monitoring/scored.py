"""Predicts the sampled requests again, and derives from the predictions what a report says beside the features."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from core import examples
from models.serving import model_versions
from pipeline.monitoring import scoring
from pipeline.monitoring.drift import domain_classifier
from pipeline.monitoring.quality import estimated_quality, measured_quality
from pipeline.monitoring.reference import Reference
from pipeline.monitoring.requests.request_stream import Watched
from pipeline.monitoring.scoring import LEAST_CHANGE

__all__ = ["LEAST_CHANGE", "Scored", "score"]

_LEAST_ROWS = 100  # of requests and of test, for an estimate of the quality and for the domain classifier


@dataclasses.dataclass(frozen=True)
class Scored:
    """What the predictions show.

    Attributes:
        parts: results by name, for `Report`.
        changes: by how much each feature that drifted moves the predictions.
        shares: their shares in the changes of all.
        notes: what was not done, and why.
    """

    parts: dict[str, Any]
    changes: Mapping[str, float]
    shares: Mapping[str, float]
    notes: tuple[str, ...]


def score(trained: Reference, found: Watched, drifted: Sequence[str], level: float) -> Scored:
    """Predicts the requests.

    Args:
        trained: what the model was trained on.
        found: the requests.
        drifted: the features that drifted.
        level: the level of each test.
    """
    test, spec = trained.rows, trained.training.spec
    if test is None and found.labelled is None:
        return Scored({}, {}, {}, (_without_rows(trained),))
    scorer = scoring.Scorer(str(trained.version), spec)
    parts, notes = dict[str, Any](), list[str]()
    known = None
    if test is not None:
        known = examples.label_values(test, spec.label), scorer(test)
    else:
        notes.append(_without_rows(trained))
    if found.labels:
        if found.labelled is not None and found.labelled.num_rows:
            labels = examples.label_values(found.labelled, spec.label)
            parts["quality"] = measured_quality.measured(spec.label.task, labels, scorer(found.labelled), known)
        notes.append(f"{found.labels.found:,} of {found.labels.rows:,} labels belong to one of the requests")
    if test is None or known is None:
        return Scored(parts, {}, {}, tuple(notes))
    predicted = scorer(found.sample)
    parts["predictions"] = scoring.prediction_drift(spec, predicted, known[1], level)
    if min(found.sample.num_rows, test.num_rows) < _LEAST_ROWS:
        notes.append(f"fewer than {_LEAST_ROWS} requests or rows of test: neither quality nor joint drift is estimated")
    else:
        parts |= _estimates(trained, found.sample, predicted, (test, *known), drifted, level)
    features = [feature for feature in spec.features if feature.name in drifted]
    changes = scoring.changes(scorer, features, test, found.sample)
    return Scored(parts, changes, scoring.shares(changes), tuple(notes))


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
    requested, tested = (scoring.matrix(rows, features, categories) for rows in (sample, test))
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

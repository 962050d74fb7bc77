"""Raises alarms of single windows: of features and predictions that drifted in some hours or days alone."""

import datetime
from collections.abc import Collection, Iterator

from core.config.sections import Limits
from core.spec import Spec
from pipeline.monitoring.drift import prediction_drift
from pipeline.monitoring.drift.prediction_change import LEAST_CHANGE
from pipeline.monitoring.model_checks import ModelChecks
from pipeline.monitoring.report import FeatureVerdict
from pipeline.monitoring.windows import Window, Windows

_Drifted = dict[datetime.datetime, FeatureVerdict]


def of(
    windows: Windows, spec: Spec, checks: ModelChecks, allowed: Limits, level: float, known: Collection[str]
) -> list[str]:
    """Returns a sentence for each feature, and one for the predictions, that drifted in some window.

    Args:
        windows: the requests by time.
        spec: the features and the task.
        checks: the predictions for the requests, and for test.
        allowed: the largest distances of features from train.
        level: the level of each test of one feature; all windows together have it.
        known: the features with an alarm of all requests together.
    """
    tested = windows.tested
    level /= max(1, len(tested))
    found = []
    for feature in spec.features:
        if feature.name in known:
            continue
        limit = allowed.features.get(feature.name, allowed.default)
        drifted = dict(_drifted(tested, feature.name, limit, level))
        if drifted:
            worst = max(drifted, key=lambda time: drifted[time].drift.distance)
            change = checks.change(feature, tested[worst].places)
            verdict = FeatureVerdict(
                drifted[worst].drift,
                drifted[worst].reasons,
                significant=drifted[worst].significant,
                limit=limit,
                change=change,
                matters=change is None or change >= LEAST_CHANGE,
            )
            found += _told(windows.unit, worst, len(drifted), verdict.alarm())
    return found + _of_predictions(windows, spec, checks, level)


def _drifted(
    tested: dict[datetime.datetime, Window], name: str, limit: float | None, level: float
) -> Iterator[tuple[datetime.datetime, FeatureVerdict]]:
    """Yields the windows in which a feature drifted."""
    for time, window in tested.items():
        drift = window.features[name]
        significant = bool(drift.measure) and drift.p_value < level
        verdict = FeatureVerdict(drift, tuple(drift.reasons(level)), significant=significant, limit=limit)
        if verdict.state != "ok":
            yield time, verdict


def _of_predictions(windows: Windows, spec: Spec, checks: ModelChecks, level: float) -> list[str]:
    overall = checks.parts.get("predictions")
    if checks.predicted is None or checks.expected is None or overall is None or overall.drifted:
        return []
    compared = {
        time: prediction_drift.prediction_drift(spec, checks.predicted[window.places], checks.expected, level)
        for time, window in windows.tested.items()
    }
    drifted = {time: found for time, found in compared.items() if found.drifted}
    if not drifted:
        return []
    worst = max(drifted, key=lambda time: drifted[time].distance)
    return _told(windows.unit, worst, len(drifted), drifted[worst].alarms()[0])


def _told(unit: str, time: datetime.datetime, count: int, alarm: str) -> list[str]:
    more = f" (and in {count - 1} more)" if count > 1 else ""
    return [f"in the {unit} from {time:%Y-%m-%d %H:%M} UTC{more}, {alarm}"] if alarm else []

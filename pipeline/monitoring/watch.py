"""Reads requests, compares them with what the model was trained on, and reports: what `monitor.py` runs."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from core import storage
from core.config.sections import Limits
from core.errors import GateError
from models.serving import remote_versions
from pipeline.monitoring import limits, model_checks, reference, window_alarms, windows
from pipeline.monitoring.drift import feature_drift
from pipeline.monitoring.drift.feature_drift import FeatureDrift
from pipeline.monitoring.drift.prediction_change import LEAST_CHANGE
from pipeline.monitoring.model_checks import ModelChecks
from pipeline.monitoring.output import page, prometheus, terminal
from pipeline.monitoring.reference import Reference
from pipeline.monitoring.report import FeatureVerdict, Report
from pipeline.monitoring.requests import request_stream
from pipeline.monitoring.requests.labels import Labels, check_key
from pipeline.monitoring.staleness import Staleness
from pipeline.monitoring.windows import Windows

_OTHER_TESTS = 2  # of the predictions, and of all features together
_SHOWN = 3  # features that drifted, over time
_ORDER = {"alarm": 0, "drift": 1, "ok": 2}


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of the command.

    Attributes:
        model: a folder of versions, or one version; a path or a URI.
        requests: paths and globs of the requests.
        labels: paths and globs of the labels of requests; none where they have not come.
        key: the column that requests and labels have in common.
        time: the column with the time of a request.
        by: the unit of the windows of time; None for one that fits.
        sets: settings of the files as `data.KEY=VALUE`, in place of those of the training.
        schema: a schema with limits that take the place of the configuration's; None for none.
        max_age: the age of the model in days above which there is an alarm; None for any.
        html: a file to write the report to as a page.
        prometheus: a file to write the report to in Prometheus' text format.
        json: print the report as JSON, and nothing else.
    """

    model: str
    requests: Sequence[str]
    labels: Sequence[str] = ()
    key: str | None = None
    time: str | None = None
    by: str | None = None
    sets: Sequence[str] = ()
    schema: Path | None = None
    max_age: float | None = None
    html: Path | None = None
    prometheus: Path | None = None
    json: bool = False


def run(request: Request) -> int:
    """Prints the report and returns the exit code: 3 where a limit is passed.

    Raises:
        UserError: the model or the data do not exist, or they do not fit together.
    """
    for file in (request.html, request.prometheus):
        if file is not None:
            storage.check_path(file)
    report = watch(request)
    if request.html:
        storage.write_text(request.html, page.html(report))
    if request.prometheus:
        storage.write_text(request.prometheus, prometheus.text(report))
    if request.json:
        print(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    else:
        terminal.show(report, sys.stdout)
    return GateError.exit_code if report.alarms() else 0


def watch(request: Request) -> Report:
    """Returns the report on some requests."""
    check_key(request.labels, request.key)
    with remote_versions.find_version(request.model) as (version, name):
        return _watched(request, reference.read(version), name)


def _watched(request: Request, trained: Reference, name: str) -> Report:
    labels = Labels(request.labels, request.key, trained.training.spec.label) if request.key else None
    requests = request_stream.read(trained, request.requests, request.sets, labels, request.time)
    features = requests.drift.results()
    by_time = windows.of(requests, trained.columns, request.by)
    # All requests together and all windows have an equal share in the false alarms.
    level = feature_drift.alpha(features, _OTHER_TESTS) / (2 if by_time.tested else 1)
    drifted = [feature.name for feature in features if feature.reasons(level)]
    checks = model_checks.check(trained, requests, labels, drifted, level)
    allowed = limits.read(trained.version, request.schema)
    verdicts = [_verdict(feature, level, allowed, checks) for feature in features]
    verdicts.sort(key=lambda verdict: (_ORDER[verdict.state], -(verdict.change or 0), -verdict.drift.distance))
    parts = {
        "requests": _with_alarms(by_time, trained, checks, allowed, level, verdicts),
        "staleness": Staleness.of(trained.version, trained.training.stats, request.max_age),
        **checks.parts,
    }
    notes = (*requests.notes, *checks.notes)
    return Report(name, requests.rows, requests.left_out, tuple(verdicts), notes, parts)


def _with_alarms(
    by_time: Windows,
    trained: Reference,
    checks: ModelChecks,
    allowed: Limits,
    level: float,
    verdicts: list[FeatureVerdict],
) -> Windows:
    """Returns the windows with the alarms that all requests together do not raise."""
    raised = {verdict.drift.name for verdict in verdicts if verdict.state == "alarm"}
    passed = window_alarms.of(by_time, trained.training.spec, checks, allowed, level, raised)
    shown = [verdict.drift.name for verdict in verdicts if verdict.reasons][:_SHOWN]
    return dataclasses.replace(windows.with_predictions(by_time, checks.predicted), shown=shown, passed=passed)


def _verdict(feature: FeatureDrift, level: float, allowed: Limits, checks: ModelChecks) -> FeatureVerdict:
    change = checks.changes.get(feature.name)
    return FeatureVerdict(
        feature,
        tuple(feature.reasons(level)),
        significant=bool(feature.measure) and feature.p_value < level,
        limit=allowed.features.get(feature.name, allowed.default),
        change=change,
        share=checks.shares.get(feature.name),
        matters=change is None or change >= LEAST_CHANGE,
    )

"""Writes a report in the text format of Prometheus, which the textfile collector of its node exporter reads."""

import time
from collections.abc import Iterator, Mapping

from pipeline.monitoring.report import Report

_HELP: Mapping[str, str] = {
    "requests": "Requests read.",
    "alarms": "Limits passed.",
    "report_time_seconds": "When the report was made, in seconds from 1970.",
    "model_age_seconds": "How long ago the model was pushed.",
    "feature_alarm": "1 where the feature raises an alarm.",
    "feature_distance": "Distance of the feature from train.",
    "feature_missing_ratio": "Share of the requests without the feature.",
    "feature_unseen_ratio": "Share of the feature's values that train did not have.",
    "prediction_distance": "Largest distance of the cumulative distributions of the predictions.",
    "joint_drift_auc": "AUC of the classifier that tells requests from test.",
    "quality": "Metrics of requests with labels.",
    "estimated_quality": "Metrics estimated without labels.",
}


def text(report: Report) -> str:
    """Returns the report as gauges `skewless_NAME`."""
    found: dict[str, list[str]] = {}
    for name, labels, value in _values(report):
        given = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        found.setdefault(name, []).append(f"skewless_{name}{f'{{{given}}}' if given else ''} {value:.9g}")
    lines = []
    for name, values in found.items():
        lines += [f"# HELP skewless_{name} {_HELP[name]}", f"# TYPE skewless_{name} gauge", *values]
    return "\n".join(lines) + "\n"


def _values(report: Report) -> Iterator[tuple[str, dict[str, str], float]]:
    yield "requests", {}, report.rows
    yield "alarms", {}, len(report.alarms())
    yield "report_time_seconds", {}, time.time()
    if "staleness" in report.parts:
        yield "model_age_seconds", {}, report.parts["staleness"].age_seconds
    for feature in report.features:
        drift = feature.drift
        labels = {"feature": drift.name}
        yield "feature_alarm", labels, float(feature.state == "alarm")
        if drift.measure:
            yield "feature_distance", {**labels, "measure": drift.measure}, drift.distance
        yield "feature_missing_ratio", labels, drift.missing[0]
        if drift.unseen:
            yield "feature_unseen_ratio", labels, drift.unseen[0]
    if "predictions" in report.parts:
        yield "prediction_distance", {}, report.parts["predictions"].distance
    if "joint_drift" in report.parts:
        yield "joint_drift_auc", {}, report.parts["joint_drift"].auc
    for name in ("quality", "estimated_quality"):
        if name in report.parts:
            for metric, value in report.parts[name].values.items():
                yield name, {"metric": metric}, value


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

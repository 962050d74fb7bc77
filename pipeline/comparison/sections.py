"""Builds the sections of a comparison for the page, and its content as JSON values."""

import dataclasses
from typing import Any

from core.text import between
from models.evaluation import metrics
from models.evaluation.paired_bootstrap import MetricDifference
from pipeline.comparison.compared_runs import Comparison
from pipeline.graph import STAGES
from pipeline.reporting import svg
from pipeline.reporting.blocks import Block, Chart, Grid, Section, Table, Text
from pipeline.reporting.numbers import cut, interval, number, size
from pipeline.reporting.sections import serving
from pipeline.reporting.sections.metrics import values_with_intervals

_SLICES = 40


def build(comparison: Comparison) -> list[Section]:
    """Returns the sections, in the order in which a reader asks."""
    return [
        Section("metrics", "Metrics: which is better?", _metrics(comparison)),
        Section("settings", "Settings: what differs?", _settings(comparison)),
        Section("curves", "Curves", [Grid(_curves(comparison))]),
        Section("slices", "Slices: where did it change?", _slices(comparison)),
        Section("costs", "Time and size", [Table(["", *_names(comparison)], costs(comparison))]),
    ]


def sentence(comparison: Comparison) -> str:
    """Returns the result in one sentence."""
    metric = metrics.PRIMARY[comparison.task].name
    first, *others = comparison.models
    reason = comparison.other_rows()
    if reason:
        return f"{', '.join(_names(comparison))} cannot be compared row by row. {reason}"
    parts = []
    for model in others:
        found = comparison.differences[model.name].get(metric)
        parts.append(f"{model.name} against {first.name}: {described(comparison, metric, found)}" if found else "")
    return f"In {metric} on test, {'; '.join(part for part in parts if part)}."


def described(comparison: Comparison, metric: str, found: MetricDifference) -> str:
    """Returns a difference such as `better by 0.012 [0.008, 0.016]`."""
    up = comparison.better(metric)
    if found.low <= 0 <= found.high:
        return f"not clearly better or worse: {between(found.value, found.low, found.high)}"
    word = "better" if (found.value > 0) == up else "worse"
    low, high = sorted((abs(found.low), abs(found.high)))
    return f"{word} by {between(abs(found.value), low, high)}"


def _names(comparison: Comparison) -> list[str]:
    return [model.name for model in comparison.models]


def metric_rows(comparison: Comparison) -> list[list[str]]:
    """Returns a row for each metric: its value in each model, then the difference of each from the first."""
    first, *others = comparison.models
    same_rows = comparison.other_rows() is None
    values = [values_with_intervals(first.metrics, model.metrics, model.half_widths) for model in comparison.models]
    rows = []
    for index, name in enumerate(first.metrics):
        row = [name, *(column[index] for column in values)]
        for model in others if same_rows else ():
            found = comparison.differences[model.name].get(name)
            row.append(described(comparison, name, found) if found else "")
        rows.append(row)
    return rows


def metric_header(comparison: Comparison) -> list[str]:
    """Returns the header of `metric_rows`."""
    first, *others = comparison.models
    compared = [f"{model.name} against {first.name}" for model in others] if comparison.other_rows() is None else []
    return ["on test", *_names(comparison), *compared]


def _metrics(comparison: Comparison) -> list[Block]:
    caption = "Metrics on test with 95 % intervals; differences by paired bootstrap on the same rows"
    table = Table(metric_header(comparison), metric_rows(comparison), caption)
    reason = comparison.other_rows()
    return [Text(f"The differences are not computed. {reason}", "bad"), table] if reason else [table]


def _settings(comparison: Comparison) -> list[Block]:
    rows = [[name, *(cut(value, 80) for value in values)] for name, values in comparison.settings()]
    if not rows:
        return [Text("No setting differs.")]
    return [Table(["setting", *_names(comparison)], rows, "", len(comparison.models) + 1)]


def _curves(comparison: Comparison) -> list[Chart]:
    drawn = [
        ("ROC curve on test", "roc", ("false positive rate", "true positive rate")),
        ("Precision and recall on test", "precision_recall", ("recall", "precision")),
    ]
    charts = []
    for title, name, axes in drawn:
        points = {
            model.name: (model.record.explanation.get("curves") or {}).get(name, [])
            for model in comparison.models
            if model.stored_as == "candidate"
        }
        charts += _overlaid(title, points, axes, (0, 1))
    losses = {
        model.name: list(enumerate(model.record.report("Trainer").get("history", {}).get("val_loss", []), 1))
        for model in comparison.models
        if model.stored_as == "candidate"
    }
    return [*charts, *_overlaid("Loss on eval after each epoch", losses, ("epoch", "loss on eval"), None)]


def _overlaid(
    title: str, points: dict[str, Any], axes: tuple[str, str], extent: tuple[float, float] | None
) -> list[Chart]:
    """Returns the chart of a curve of every model, and a table of it; none without any."""
    shown = {name: found for name, found in points.items() if found}
    if not shown:
        return []
    series = [svg.Series(name, found, f"s{index % 6}") for index, (name, found) in enumerate(shown.items())]
    rows = [
        [name, number(x), number(y)] for name, found in shown.items() for x, y in found[:: max(1, len(found) // 12)]
    ]
    return [Chart(title, svg.lines(title, series, axes, extent, extent), Table(["model", *axes], rows))]


def _slices(comparison: Comparison) -> list[Block]:
    found = comparison.slices()
    if not found:
        return [Text("No slice with large errors is in all of the runs.", "note")]
    rows = [
        [name, *(interval(part["error"], part["half_width"], 0) for part in parts),
         *(number(part["error"] - parts[0]["error"]) for part in parts[1:])]
        for name, parts in found[:_SLICES]
    ]  # fmt: skip
    first, *others = _names(comparison)
    header = ["slice", first, *others, *(f"{name} minus {first}" for name in others)]
    return [Table(header, rows, "Mean error of slices with large errors, the greatest change first")]


def costs(comparison: Comparison) -> list[list[str]]:
    """Returns rows for the seconds of each stage, and for the size and the latency of the models."""
    summaries = [model.summary for model in comparison.models]
    seconds = [{stage["name"]: stage for stage in summary.get("stages", ())} for summary in summaries]
    rows = [["seconds", *(number(summary.get("seconds")) for summary in summaries)]]
    for stage in STAGES:
        cells = [stages.get(stage.name, {"state": "", "seconds": 0}) for stages in seconds]
        shown = [f"{cell['seconds']:.1f}" if cell["state"] == "ran" else str(cell["state"]) for cell in cells]
        rows.append([stage.name, *shown])
    return [
        *rows,
        ["parameters of the model", *(number(summary.get("model", {}).get("parameters")) for summary in summaries)],
        [
            "latency of a request of one row, ms",
            *(number(summary.get("serving", {}).get("p50_ms")) for summary in summaries),
        ],
        [
            "size of the model",
            *(size(serving.size_of(model.folder)) if model.folder else "" for model in comparison.models),
        ],
    ]


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Returns the comparison as JSON values."""
    reason = comparison.other_rows()
    return {
        "result": sentence(comparison),
        "models": [
            {"name": model.name, "run": str(model.record.folder.path), "metrics": dict(model.metrics)}
            for model in comparison.models
        ],
        "refused": reason,
        "differences": {}
        if reason
        else {
            name: {metric: dataclasses.asdict(gain) for metric, gain in found.items()}
            for name, found in comparison.differences.items()
        },
        "settings": dict(comparison.settings()),
        "slices": {name: [part["error"] for part in parts] for name, parts in comparison.slices()},
        "seconds": [model.record.summary["seconds"] for model in comparison.models],
    }

"""Builds the section on curves: losses, ROC, precision and recall, calibration, confusion, residuals."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pipeline.reporting import svg
from pipeline.reporting.blocks import Block, Chart, Grid, Section, Table, Text
from pipeline.reporting.numbers import number, share
from pipeline.reporting.run_record import RunRecord

_TABLE_ROWS = 25  # of a curve with more points every n-th is in its table
_DIAGONAL = ((0.0, 0.0), (1.0, 1.0))


def build(record: RunRecord) -> Section:
    """Returns the section."""
    found = record.explanation.get("curves") or {}
    drawn: dict[str, Callable[[Any], Chart]] = {
        "roc": _roc,
        "precision_recall": _precision_recall,
        "by_class": _roc_by_class,
        "calibration": _calibration,
        "confusion": _confusion,
        "predicted_against_true": _predicted_against_true,
        "residuals": _residuals,
        "deciles": _deciles,
    }
    charts = [draw(found[name]) for name, draw in drawn.items() if found.get(name)]
    if found.get("by_class"):
        charts.insert(1, _precision_recall_by_class(found["by_class"]))
    texts: list[Block] = [] if found else [Text(record.missing("curves"), "note")]
    return Section("curves", "Curves", [Grid([*_training(record), *charts]), *texts])


def _training(record: RunRecord) -> list[Chart]:
    """Returns the losses after each epoch: one chart, or two for regression, where they have different units."""
    history = record.report("Trainer").get("history", {})
    names = {"loss": "loss on train", "val_loss": "loss on eval"}
    if record.task == "regression":
        names = {"loss": "loss on train, of the scaled label", "val_loss": "rmse on eval"}
    curves = {title: history[name] for name, title in names.items() if history.get(name)}
    if record.task == "regression":
        return [_losses({title: values}, f"Training: {title}") for title, values in curves.items()]
    return [_losses(curves, "Loss after each epoch")] if curves else []


def _losses(curves: Mapping[str, Sequence[float]], title: str) -> Chart:
    series = [svg.Series(name, list(enumerate(values, 1)), f"s{i}") for i, (name, values) in enumerate(curves.items())]
    rows = [
        [str(epoch), *map(number, values)] for epoch, values in enumerate(itertools.zip_longest(*curves.values()), 1)
    ]
    return Chart(title, svg.lines(title, series, ("epoch", "loss")), Table(["epoch", *curves], rows))


def _points(header: Sequence[str], points: Sequence[Sequence[float]]) -> Table:
    every = max(1, len(points) // _TABLE_ROWS)
    return Table(header, [list(map(number, point)) for point in points[::every]], "", 0)


def _roc(points: list[list[float]]) -> Chart:
    title = "ROC curve on test"
    series = [svg.Series("", _DIAGONAL, "dashed"), svg.Series("", points)]
    drawn = svg.lines(title, series, ("false positive rate", "true positive rate"), (0, 1), (0, 1))
    return Chart(title, drawn, _points(["false positive rate", "true positive rate"], points))


def _precision_recall(points: list[list[float]]) -> Chart:
    title = "Precision and recall on test"
    drawn = svg.lines(title, [svg.Series("", points)], ("recall", "precision"), (0, 1), (0, 1))
    return Chart(title, drawn, _points(["recall", "precision"], points))


def _by_class(
    title: str, key: str, axes: tuple[str, str], found: Sequence[Mapping[str, Any]], *more: svg.Series
) -> Chart:
    series = [svg.Series(str(curve["class"]), curve[key], f"s{place}") for place, curve in enumerate(found)]
    tables = [(curve["class"], _points(axes, curve[key])) for curve in found]
    rows = [[str(name), *row] for name, table in tables for row in table.rows]
    return Chart(title, svg.lines(title, [*more, *series], axes, (0, 1), (0, 1)), Table(["class", *axes], rows))


def _roc_by_class(found: Sequence[Mapping[str, Any]]) -> Chart:
    axes = ("false positive rate", "true positive rate")
    return _by_class(
        "ROC curve on test: the most frequent classes, each against all others",
        "roc",
        axes,
        found,
        svg.Series("", _DIAGONAL, "dashed"),
    )


def _precision_recall_by_class(found: Sequence[Mapping[str, Any]]) -> Chart:
    title = "Precision and recall on test: the most frequent classes, each against all others"
    return _by_class(title, "precision_recall", ("recall", "precision"), found)


def _calibration(bins: list[dict[str, float]]) -> Chart:
    title = "Calibration on test, with 95 % intervals"

    def intervals(axes: svg.Axes) -> Iterable[Markup]:
        for bucket in bins:
            x = axes.x(bucket["score"])
            yield svg.line([(x, axes.y(bucket["low"])), (x, axes.y(bucket["high"]))], "whisker")

    series = [
        svg.Series("", _DIAGONAL, "dashed"),
        svg.Series("", [[bucket["score"], bucket["share"]] for bucket in bins]),
    ]
    drawn = svg.lines(title, series, ("mean score", "share of rows"), (0, 1), (0, 1), extra=intervals)
    rows = [
        [
            number(bucket["score"]),
            share(bucket["share"]),
            share(bucket["low"]),
            share(bucket["high"]),
            number(bucket["rows"]),
        ]
        for bucket in bins
    ]
    return Chart(title, drawn, Table(["mean score", "share", "low", "high", "rows"], rows, "", 0))


def _confusion(found: dict[str, Any]) -> Chart:
    title = "Confusion matrix on test"
    names = found["classes"]
    drawn = svg.heatmap(title, names, names, found["matrix"], ("true", "predicted"))
    rows = [[name, *map(number, row)] for name, row in zip(names, found["matrix"], strict=True)]
    return Chart(title, drawn, Table(["true \\ predicted", *names], rows))


def _predicted_against_true(found: dict[str, Any]) -> Chart:
    title = "Predicted against true on test: number of rows"
    names = _middles(found["edges"])
    cells = found["cells"][::-1]  # the highest values on top
    drawn = svg.heatmap(title, names[::-1], names, cells, ("true", "predicted"))
    rows = [[name, *map(number, row)] for name, row in zip(names[::-1], cells, strict=True)]
    return Chart(title, drawn, Table(["true \\ predicted", *names], rows))


def _middles(edges: Sequence[float]) -> list[str]:
    """Returns the middles of equally wide bins, with the digits that tell them apart."""
    digits = max(0, 1 - math.floor(math.log10((edges[-1] - edges[0]) / (len(edges) - 1))))
    return [f"{(low + high) / 2:,.{digits}f}" for low, high in itertools.pairwise(edges)]


def _residuals(found: dict[str, Any]) -> Chart:
    title = "Residuals on test: predicted minus true"
    names = _middles(found["edges"])
    drawn = svg.columns(title, names, [("", found["rows"])], ("predicted minus true", "rows"))
    rows = [[name, number(count)] for name, count in zip(names, found["rows"], strict=True)]
    return Chart(title, drawn, Table(["predicted minus true", "rows"], rows))


def _deciles(found: list[dict[str, float]]) -> Chart:
    title = "Mean absolute error by tenth of the predictions"
    names = [number(decile["predicted"]) for decile in found]
    drawn = svg.columns(title, names, [("", [decile["error"] for decile in found])], ("mean prediction", "error"))
    keys = ("predicted", "true", "error", "rows")
    rows = [[number(decile[key]) for key in keys] for decile in found]
    return Chart(title, drawn, Table(["mean prediction", "mean label", "mean absolute error", "rows"], rows, "", 0))

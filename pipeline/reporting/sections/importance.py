"""Builds the section on the importance of the features, on partial dependence and on interactions."""

from typing import Any

from models.evaluation import metrics
from pipeline.reporting import svg
from pipeline.reporting.blocks import Block, Chart, Grid, Section, Table, Text
from pipeline.reporting.numbers import cut, interval, number
from pipeline.reporting.run_record import RunRecord

_BARS, _ROWS = 20, 100


def build(record: RunRecord) -> Section:
    """Returns the section."""
    blocks = [*_importance(record), *_dependence(record), *_pairs(record)]
    return Section("importance", "Importance: why does it decide so?", blocks)


def _importance(record: RunRecord) -> list[Block]:
    found = record.explanation.get("importance")
    if not found:
        return [Text(record.missing("importance"), "note")]
    metric = metrics.PRIMARY[record.task].name  # type: ignore[index]
    title = f"Loss of {metric} on test when a feature is shuffled"
    bars = [(one["feature"], one["loss"], one["half_width"]) for one in found[:_BARS]]
    rows = [[one["feature"], interval(one["loss"], one["half_width"])] for one in found[:_ROWS]]
    sample = record.explanation["sample"]
    note = (
        f"Permutation importance of the model on {sample['rows']:,} of {sample['test_rows']:,} rows of test, with 95 % "
        "intervals. Of features that say the same, each may look unimportant."
    )
    return [Text(note, "note"), Chart(title, svg.bars(title, bars, title), Table(["feature", "loss"], rows))]


def _dependence(record: RunRecord) -> list[Block]:
    found = record.explanation.get("dependence")
    if not found:
        return []
    output = f"score of {found['of']}" if found["of"] is not None else f"predicted {record.label}"
    note = (
        "Partial dependence: the mean prediction with the feature set to each value; thin lines are single rows (ICE)."
    )
    return [Text(note, "note"), Grid([_chart(one, output) for one in found["features"]])]


def _chart(one: dict[str, Any], output: str) -> Chart:
    title = f"{output} by {cut(one['feature'])}"
    numeric = len(one["positions"]) == len(one["values"]) > 1
    places = one["positions"] if numeric else list(range(len(one["values"])))
    lines = [svg.Series("", list(zip(places, line, strict=True)), "thin") for line in one["lines"]]
    series = [*lines, svg.Series("", list(zip(places, one["mean"], strict=True)), "s1")]
    categories = () if numeric else one["values"]
    drawn = svg.lines(title, series, (cut(one["feature"]), cut(output, 30)), categories=categories)
    rows = [[value, number(mean)] for value, mean in zip(one["values"], one["mean"], strict=True)]
    return Chart(title, drawn, Table([one["feature"], f"mean {output}"], rows))


def _pairs(record: RunRecord) -> list[Block]:
    found = record.explanation.get("interactions")
    if not found:
        return []
    charts = []
    for pair in found:
        first, second = pair["features"]
        title = f"{cut(first, 30)} and {cut(second, 30)}: strength of the interaction {number(pair['strength'])}"
        names, others = pair["values"]
        drawn = svg.heatmap(title, names, others, pair["mean"], (cut(first, 20), cut(second, 20)))
        rows = [[value, *map(number, row)] for value, row in zip(names, pair["mean"], strict=True)]
        charts.append(Chart(title, drawn, Table([f"{cut(first)} \\ {cut(second)}", *others], rows)))
    note = (
        "Interactions of the most important features: mean predictions for pairs of values. The strength is 0 where "
        "the effects of the two features add up."
    )
    return [Text(note, "note"), Grid(charts)]

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
    bars = [(feature["feature"], feature["loss"], feature["half_width"]) for feature in found[:_BARS]]
    rows = [[feature["feature"], interval(feature["loss"], feature["half_width"])] for feature in found[:_ROWS]]
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
    return [Text(note, "note"), Grid([_chart(dependence, output) for dependence in found["features"]])]


def _chart(dependence: dict[str, Any], output: str) -> Chart:
    title = f"{output} by {cut(dependence['feature'])}"
    numeric = len(dependence["positions"]) == len(dependence["values"]) > 1
    places = dependence["positions"] if numeric else list(range(len(dependence["values"])))
    lines = [svg.Series("", list(zip(places, line, strict=True)), "thin") for line in dependence["lines"]]
    series = [*lines, svg.Series("", list(zip(places, dependence["mean"], strict=True)), "s1")]
    categories = () if numeric else dependence["values"]
    drawn = svg.lines(title, series, (cut(dependence["feature"]), cut(output, 30)), categories=categories)
    rows = [[value, number(mean)] for value, mean in zip(dependence["values"], dependence["mean"], strict=True)]
    return Chart(title, drawn, Table([dependence["feature"], f"mean {output}"], rows))


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

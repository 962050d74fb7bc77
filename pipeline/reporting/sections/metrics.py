"""Builds the section on the metrics on test with their intervals, beside those of the rivals, and on the gates."""

from collections.abc import Iterable, Mapping

from models.evaluation import metrics
from pipeline.reporting import staleness, svg, verdict
from pipeline.reporting.blocks import Block, Chart, Section, Table, Text
from pipeline.reporting.numbers import interval, number
from pipeline.reporting.run_record import RunRecord

MODELS = {"candidate": "this model", "champion": "served before", "linear": "linear", "constant": "constant"}


def build(record: RunRecord) -> Section:
    """Returns the section."""
    return Section("metrics", "Metrics: is it better?", [*_metrics(record), *_gates(record), *_age(record)])


def _metrics(record: RunRecord) -> list[Block]:
    test = record.summary.get("metrics", {}).get("test", {})
    if not test:
        return [Text("The model was not evaluated in this run.")]
    by_model = {"candidate": test, **record.summary.get("baselines", {})}
    halves = record.explanation.get("intervals", {})
    shown = {name: title for name, title in models(record).items() if name in by_model}
    rows = [
        [title, *values_with_intervals(test, by_model[name], halves.get(name, {}))] for name, title in shown.items()
    ]
    found: list[Block] = [Table(["on test", *test], rows, "Metrics on test with 95 % intervals")]
    primary = metrics.PRIMARY.get(record.task)  # type: ignore[call-overload]
    if primary and primary.name in test:
        values = [
            (title, by_model[name][primary.name], halves.get(name, {}).get(primary.name, 0.0))
            for name, title in shown.items()
            if primary.name in by_model[name]
        ]
        near = [row for row in values if row[0] != MODELS["constant"]]  # its distance would hide those of the others
        found.append(_primary(primary.name, near if len(near) > 1 else values))
        found += _differences(record, primary.name)
    evaluated = record.summary["metrics"].get("eval", {})
    if evaluated:
        found.append(Table(["on eval", *evaluated], [["this model", *map(number, evaluated.values())]]))
    return found


def models(record: RunRecord) -> dict[str, str]:
    """Returns how the models are called, the challengers by their own names."""
    return MODELS | {name: f"challenger {name}" for name in record.summary.get("challengers", {})}


def values_with_intervals(
    names: Iterable[str], values: Mapping[str, float], half_widths: Mapping[str, float]
) -> list[str]:
    """Returns the values of some metrics with their intervals, which end at the bounds of the metric."""
    bounds = {name: metrics.METRICS[name].bounds if name in metrics.METRICS else () for name in names}
    return [interval(values.get(name), half_widths.get(name), *ends) for name, ends in bounds.items()]


def _primary(name: str, values: list[tuple[str, float, float]]) -> Chart:
    rows = [[title, number(value), number(value - half), number(value + half)] for title, value, half in values]
    table = Table(["model", name, "low", "high"], rows)
    title = f"{name} on test, with 95 % intervals"
    return Chart(title, svg.dots(title, values, name), table)


def _differences(record: RunRecord, metric: str) -> list[Block]:
    titles = models(record)
    rows = [
        [titles[name], interval(difference.gain, difference.half_width)]
        for name, difference in verdict.differences(record).items()
        if name in titles
    ]
    caption = f"Gain of this model in {metric}, on the same rows of test, with 95 % intervals; above 0 is better"
    return [Table(["compared with", "gain"], rows, caption)] if rows else []


def _gates(record: RunRecord) -> list[Block]:
    gates = record.summary.get("gates", ())
    rows = [
        [gate["name"], "passed" if gate["passed"] else "failed", gate["why"], number(gate["value"]),
         number(gate["limit"])]
        for gate in gates
    ]  # fmt: skip
    return [Table(["gate", "result", "why", "value", "limit"], rows, "Gates", 3)] if rows else []


def _age(record: RunRecord) -> list[Block]:
    """Returns what a model loses with its age."""
    rows = staleness.rows(record)
    if not rows:
        return []
    time = record.explanation["staleness"]["time"]
    note = (
        f"Measured with gradient-boosted trees on rows of train, ordered by {time}: one model learns from the oldest "
        "third, the other from as many rows just before those that both predict. Above 0 the fresh model is better."
    )
    table = Table(["age in days", "loss"], rows, "What a model loses with its age, with 95 % intervals")
    return [Text(staleness.sentence(record)), table, Text(note, "note")]

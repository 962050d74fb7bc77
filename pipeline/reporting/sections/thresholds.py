"""Builds the section on the decision threshold of a binary classifier, with the cost of its errors."""

from typing import Any

from pipeline.reporting.blocks import Section, Table, Text, Threshold
from pipeline.reporting.numbers import number, share
from pipeline.reporting.run_record import RunRecord

_TITLE = "Decision threshold"


def build(record: RunRecord) -> Section:
    """Returns the section."""
    if record.task and record.task != "binary":
        return Section("thresholds", _TITLE, [])
    counts = (record.explanation.get("curves") or {}).get("thresholds")
    if not counts:
        return Section("thresholds", _TITLE, [Text(record.missing("curves"), "note")])
    negative, positive = (str(name) for name in record.explanation["curves"]["confusion"]["classes"])
    note = (
        f"A row of test is predicted as {positive} where its score is above the threshold; the served model uses 0.5."
    )
    table = Table(
        ["threshold", "accuracy", "precision", "recall", "false positives", "false negatives"],
        [_row(counts, index) for index in range(5, 100, 5)],
        "Thresholds",
    )
    return Section("thresholds", _TITLE, [Text(note), Threshold((negative, positive), counts, table)])


def _row(counts: dict[str, Any], index: int) -> list[str]:
    hits, alarms = counts["true_positives"][index], counts["false_positives"][index]
    positives, negatives = counts["positives"], counts["negatives"]
    right = hits + negatives - alarms
    return [
        f"{index / 100:.2f}",
        share(right / (positives + negatives)),
        share(hits / (hits + alarms)) if hits + alarms else "",
        share(hits / positives) if positives else "",
        number(alarms),
        number(positives - hits),
    ]

"""Builds the section on slices: where the model errs most."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.evaluation import metrics
from pipeline.reporting.blocks import Block, Fold, Section, Table, Text
from pipeline.reporting.numbers import interval, number
from pipeline.reporting.run_record import RunRecord
from pipeline.reporting.sections.metrics import models, values_with_intervals

_LONG = 20  # rows of a table that is opened by a click


def build(record: RunRecord) -> Section:
    """Returns the section."""
    return Section("slices", "Slices: where is it bad?", [*_configured(record), *_groups(record), *_found(record)])


def _configured(record: RunRecord) -> list[Block]:
    """Returns the metrics of the slices of `evaluate.slices`."""
    slices = record.explanation.get("slices", [])
    if not slices:
        return []
    names = list(dict.fromkeys(name for part in slices for name in part["metrics"]))
    rows = [
        [part["name"], number(part["rows"]), *values_with_intervals(names, part["metrics"], part["half_widths"])]
        for part in slices
    ]
    own = Table(["slice", "rows", *names], rows, "Slices of the configuration, worst first, with 95 % intervals")
    return [own, *_by_model(record, slices)]


def _by_model(record: RunRecord, slices: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Returns the primary metric of all models on the same slices."""
    primary = metrics.PRIMARY[record.task].name  # type: ignore[index]
    titles = models(record)
    shown = [name for name in titles if any(name in part.get("rivals", {}) for part in slices)]
    rows = [
        [part["name"], *(number(values.get(name)) for name in ("candidate", *shown))]
        for part in slices
        for values in [{**part.get("rivals", {}), "candidate": part["metrics"].get(primary)}]
    ]
    header = ["slice", *(titles[name] for name in ("candidate", *shown))]
    return [Table(header, rows, f"{primary} of each model on the same rows of these slices")] if shown else []


def _groups(record: RunRecord) -> list[Block]:
    """Returns the sensitive groups beside all other rows."""
    rows = [
        [group["name"], number(group["rows"]), measure, number(gap["value"]), number(gap["others"]),
         interval(gap["value"] - gap["others"], gap["half_width"])]
        for group in record.explanation.get("groups", ())
        for measure, gap in group["gaps"].items()
    ]  # fmt: skip
    if not rows:
        return []
    header = ["group", "rows", "measure", "of the group", "of the others", "difference"]
    caption = "Sensitive groups beside all other rows of test, with 95 % intervals of the difference"
    table = Table(header, sorted(rows, key=lambda row: row[2]), caption)
    return [Fold("Sensitive groups", [table]) if len(rows) > _LONG else table]


def _found(record: RunRecord) -> list[Block]:
    slices = record.explanation.get("error_slices")
    if slices is None:
        return [Text(record.missing("error_slices"), "note")]
    sample = record.explanation["sample"]
    error = "mean absolute error" if record.task == "regression" else "mean log loss"
    rows = [[part["name"], number(part["rows"]), interval(part["error"], part["half_width"], 0)] for part in slices]
    note = (
        f"Slices by the values and quartiles of every feature, on {sample['rows']:,} of {sample['test_rows']:,} rows "
        f"of test. The {error} of all these rows is {number(sample['error'])}. Among many slices, some are high by "
        "chance."
    )
    caption = "Slices with the largest errors, worst first, with 95 % intervals"
    if not rows:
        return [Text("Test has too few rows to find slices in which the model errs most.", "note")]
    return [Table(["slice", "rows", error], rows, caption), Text(note, "note")]

"""Builds the section on the rows of test with the largest errors."""

from pipeline.reporting.blocks import Section, Table, Text
from pipeline.reporting.numbers import number
from pipeline.reporting.run_record import RunRecord


def build(record: RunRecord) -> Section:
    """Returns the section."""
    found = record.explanation.get("worst_rows")
    if not found:
        return Section("worst-rows", "Rows with the largest errors", [Text(record.missing("worst_rows"), "note")])
    features = list(found[0]["features"])
    regression = record.task == "regression"
    header = ["row of test", record.label, "predicted", "error" if regression else "score of the label", *features]
    rows = [
        [number(row["row"]), _value(row["label"]), _value(row["predicted"]),
         number(row["error"] if regression else row["score_of_label"]), *row["features"].values()]
        for row in found
    ]  # fmt: skip
    note = "Wrong labels and missing features are often found among these rows. The most important features come first."
    return Section(
        "worst-rows", "Rows with the largest errors", [Text(note, "note"), Table(header, rows, "", len(header))]
    )


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else number(value)

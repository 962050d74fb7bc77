"""Says what a model loses with its age."""

from models.evaluation import metrics
from models.evaluation.model_comparison import Difference
from pipeline.reporting.numbers import interval, number
from pipeline.reporting.run_record import RunRecord


def rows(record: RunRecord) -> list[list[str]]:
    """Returns for each age in days the loss with its interval."""
    return [
        [number(age["days"]), interval(age["loss"], Difference(age["loss"], age["error"]).half_width)]
        for age in record.explanation.get("staleness", {}).get("ages", ())
    ]


def sentence(record: RunRecord) -> str:
    """Returns what the oldest model loses, in one sentence; empty where that was not measured."""
    found = rows(record)
    if not found:
        return ""
    days, loss = found[-1]
    metric = metrics.PRIMARY[record.task].name  # type: ignore[index]
    return f"A model that is {days} days old loses {loss} in {metric} against a fresh one, on newer rows of train."

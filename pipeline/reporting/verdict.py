"""Says in one sentence how a run ended and how its model compares with what was served before."""

from models.evaluation import metrics
from models.evaluation.model_comparison import Difference
from pipeline.reporting import changes
from pipeline.reporting.numbers import number
from pipeline.reporting.run_record import RunRecord

_ENDS = {
    "pushed": "Pushed: {name} version {version} is served now",
    "up_to_date": "Up to date: {name} version {version} is still served",
    "not_blessed": "Not pushed: the model of {name} did not pass its gates",
    "invalid_data": "Stopped: the data of {name} did not pass validation",
    "partial": "Ended at the stage that was asked for: {name} has no new version",
    "failed": "Failed: {name} has no new model",
    "refused": "Refused: the run of {name} did not begin",
}


def sentence(record: RunRecord) -> str:
    """Returns the verdict, with the comparison where a model was evaluated."""
    summary = record.summary
    version = summary.get("serving", {}).get("version")
    end = _ENDS[summary["status"]].format(name=summary["name"], version=version)
    parts = [end, comparison(record), challenge(record)]
    return f"{'; '.join(part for part in parts if part)}."


def comparison(record: RunRecord) -> str:
    """Returns how the model compares with the served version, or else with the linear model; empty without any."""
    if record.task not in metrics.PRIMARY or not record.summary.get("metrics", {}).get("test"):
        return ""
    primary = metrics.PRIMARY[record.task]  # type: ignore[index]
    value = record.summary["metrics"]["test"].get(primary.name)
    found = differences(record)
    measured = f"its {primary.name} on test is {number(value)}"
    linear = f"{found['linear']} than a linear model" if "linear" in found else ""
    if "champion" in found:
        folder = changes.champion(record)
        rival = f"version {folder.name}, which was served before" if folder else "what was served before"
        return f"{measured}, {found['champion']} than {rival}{f', and {linear}' if linear else ''}"
    if linear:
        return f"{measured}, {linear}; nothing was served before"
    return measured if value is not None else ""


def differences(record: RunRecord) -> dict[str, Difference]:
    """Returns by how much the model is better than each other model, in the primary metric on test."""
    return {name: Difference(**found) for name, found in record.explanation.get("differences", {}).items()}


def challenge(record: RunRecord) -> str:
    """Returns by how much the best challenger is better than the model; empty where none is clearly better."""
    found = differences(record)
    gains = [
        (name, Difference(-found[name].gain, found[name].error))
        for name in record.summary.get("challengers", {})
        if name in found
    ]
    better = [(name, gain) for name, gain in gains if gain.is_clear and gain.gain > 0]
    if not better:
        return ""
    best, gain = max(better, key=lambda pair: pair[1].gain)
    return f"challenger {best}, which is not pushed, is {gain}"

"""Says in one sentence how a run ended and how its model compares with what was served before."""

from models.evaluation import metrics
from pipeline.reporting import changes
from pipeline.reporting.numbers import interval, number
from pipeline.reporting.run_record import RunRecord

Z = 1.96  # standard errors on each side of a 95 % interval
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
    differences = record.explanation.get("differences", {})
    measured = f"its {primary.name} on test is {number(value)}"
    if "champion" in differences:
        folder = changes.champion(record)
        rival = f"version {folder.name}, which was served before" if folder else "what was served before"
        return f"{measured}, {gain(differences['champion'])} than {rival}"
    if "linear" in differences:
        return f"{measured}, {gain(differences['linear'])} than a linear model; nothing was served before"
    return measured if value is not None else ""


def challenge(record: RunRecord) -> str:
    """Returns by how much the best challenger is better than the model; empty where none is clearly better."""
    differences = record.explanation.get("differences", {})
    losses = {
        name: {**differences[name], "gain": -differences[name]["gain"]}
        for name in record.summary.get("challengers", {})
        if name in differences
    }
    better = {name: loss for name, loss in losses.items() if loss["gain"] > Z * loss["error"]}
    if not better:
        return ""
    best = max(better, key=lambda name: better[name]["gain"])
    return f"challenger {best}, which is not pushed, is {gain(better[best])}"


def gain(difference: dict[str, float]) -> str:
    """Returns a difference as `better by 0.012 [0.008, 0.016]`; the interval has 95 %."""
    value, half = difference["gain"], Z * difference["error"]
    if abs(value) <= half:
        return f"not clearly better or worse ({interval(value, half)})"
    word = "better" if value > 0 else "worse"
    return f"{word} by {interval(abs(value), half)}"

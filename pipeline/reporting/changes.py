"""Finds what changed between the model that was served before a run and the model of the run."""

import pathlib

from core import storage
from models.serving import model_versions
from pipeline.graph import STAGES
from pipeline.reporting.run_record import RunRecord
from pipeline.run import plan
from pipeline.run.fingerprints import Fingerprint
from pipeline.run.history import History

# The stages on which a model depends.
_MODEL = ("ExampleGen", "StatisticsGen", "SchemaGen", "Transform", "Tuner", "Trainer")


def champion(record: RunRecord) -> pathlib.Path | None:
    """Returns the folder of the version that the candidate was compared with; None where nothing was served."""
    path = record.parameters("Evaluator").get("champion")
    return pathlib.Path(path) if path else None


def since_champion(record: RunRecord) -> list[str] | None:
    """Returns what changed since the served version was trained; None where that is not known any more."""
    folder = champion(record)
    if folder is None:
        return None
    digest = storage.read_json(folder / model_versions.METADATA_FILE).get("fingerprints", {}).get("Trainer")
    before = _fingerprints(History(record.folder.metadata, str(record.summary["name"])), digest)
    if "Trainer" not in before:
        return None
    found: dict[str, None] = {}
    for stage in _MODEL:
        execution = record.executions.get(stage)
        if execution and execution.fingerprint and stage in before:
            changes = plan.changes(before[stage], execution.fingerprint)
            found |= dict.fromkeys(
                f"{stage}: {change}" if change == "its code has changed" else change for change in changes
            )
    return list(found)


def _fingerprints(history: History, trainer: str | None) -> dict[str, Fingerprint]:
    """Returns the fingerprints of a Trainer with this digest and of the stages before it, by stage."""
    wanted = {"Trainer": trainer}
    found: dict[str, Fingerprint] = {}
    for stage in reversed([stage.name for stage in STAGES]):
        if not wanted.get(stage):
            continue
        for execution in history.executions(stage):
            if execution.fingerprint and execution.fingerprint.digest == wanted[stage]:
                found[stage] = execution.fingerprint
                wanted = {**execution.fingerprint.upstream, **wanted}
                break
    return found

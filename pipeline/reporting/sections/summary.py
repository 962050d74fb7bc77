"""Builds the section on how the run ended, why, and what changed against what is served."""

import shlex

from pipeline.reporting import changes
from pipeline.reporting.blocks import Block, Code, Section, Table, Text
from pipeline.reporting.run_record import RunRecord

_STATES = {"ran": "ran", "cached": "taken from the cache", "failed": "failed", "skipped": "did not run"}


def build(record: RunRecord) -> Section:
    """Returns the section."""
    found: list[Block] = []
    if record.summary.get("error"):
        found.append(Text(str(record.summary["error"]), "bad"))
    found += [Text(f"{gate['name']}: {gate['why']}", "bad") for gate in _failed(record)]
    found += _changes(record)
    warnings = [warning for stage in record.executions for warning in record.report(stage).get("warnings", ())]
    found += [Text(f"Warning: {warning}") for warning in [*record.summary.get("warnings", ()), *warnings]]
    stages = [
        [stage["name"], _STATES.get(stage["state"], stage["state"]), _line(record, stage), f"{stage['seconds']:.1f}"]
        for stage in record.summary.get("stages", ())
    ]
    if stages:
        found.append(Table(["stage", "state", "result", "seconds"], stages, "", 3))
    if record.summary["status"] == "refused" and record.folder.summary.exists():
        found.append(Text("The results of the last run are unchanged. To write their report again:"))
        found.append(Code(f"python pipeline/report.py {shlex.quote(str(record.folder.path))}"))
    return Section("summary", "Summary", found)


def _failed(record: RunRecord) -> list[dict[str, str]]:
    return [gate for gate in record.summary.get("gates", ()) if not gate["passed"]]


def _line(record: RunRecord, stage: dict[str, str]) -> str:
    execution = record.executions.get(stage["name"])
    return execution.line.replace(f"{record.folder.path}/", "") if execution else ""


def _changes(record: RunRecord) -> list[Block]:
    folder = changes.champion(record)
    if folder is None:
        return []
    found = changes.since_champion(record)
    if found is None:
        return [Text(f"It is not known any more how version {folder.name}, which was served before, was trained.")]
    if not found:
        return [Text(f"Nothing has changed since version {folder.name} was trained.")]
    rows = [[change.partition(": ")[0], change.partition(": ")[2] or "changed"] for change in found[:50]]
    return [Table(["what", "change"], rows, f"What changed since version {folder.name}, which was served before", 2)]

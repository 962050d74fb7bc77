"""Defines what is found about a test of the rubric, and finds evidence in a run and in the project's tests."""

import dataclasses
import json
import pathlib
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.reporting.run_record import RunRecord

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Something that a machine checked.

    Attributes:
        what: what was found, as a sentence.
        command: a command that shows it.
    """

    what: str
    command: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a machine found about a test.

    Attributes:
        passed: whether it earns the point.
        evidence: what it looked at.
        missing: what has to be done to earn the point; empty where it is earned.
    """

    passed: bool
    evidence: tuple[Evidence, ...] = ()
    missing: str = ""


Check = Callable[[RunRecord], Finding]


def needs(missing: str, *evidence: Evidence | None) -> Finding:
    """Returns a finding without the point."""
    return Finding(False, tuple(piece for piece in evidence if piece), missing)


def all_of(missing: str, *evidence: Evidence | None) -> Finding:
    """Returns a finding that earns the point where all of the evidence was found."""
    found = tuple(piece for piece in evidence if piece)
    earned = len(found) == len(evidence)
    return Finding(earned, found, "" if earned else missing)


def tested(node: str, what: str) -> Evidence | None:
    """Returns the evidence of a test of the project, which CI runs; None where this checkout does not have it.

    Args:
        node: the id of the test for pytest: a file, or `file::function`.
        what: what it tests, as a sentence.
    """
    name, _, function = node.partition("::")
    file = _ROOT / name
    if not file.is_file():
        return None
    if function and not re.search(rf"^def {function}\(", file.read_text(encoding="utf-8"), re.MULTILINE):
        return None
    return Evidence(what, f"python -m pytest {node}")


def staged(record: RunRecord, stage: str, what: str) -> Evidence | None:
    """Returns the evidence of a stage that ended in this run; None where it did not."""
    if stage not in record.executions:
        return None
    return Evidence(f"{what} {stage}: {record.executions[stage].line}.", _grep(record, stage, 2))


def gates(record: RunRecord, *names: str) -> list[dict[str, Any]]:
    """Returns the results of the gates of this run with these names; those of all gates without names."""
    return [gate for gate in record.summary.get("gates", ()) if not names or gate["name"] in names]


def gate_evidence(record: RunRecord, found: Sequence[dict[str, Any]]) -> tuple[Evidence, ...]:
    """Returns the evidence of some gates: their reasons."""
    return tuple(Evidence(f"Gate {gate['name']}: {gate['why']}", _grep(record, gate["name"], 4)) for gate in found)


def judged(record: RunRecord, missing: str, *names: str) -> Finding:
    """Returns a finding that earns the point where all of these gates judged the model, and it passed them."""
    return judged_by(record, missing, [gate for name in names for gate in gates(record, name)], len(names))


def judged_by(record: RunRecord, missing: str, found: Sequence[dict[str, Any]], least: int = 1) -> Finding:
    """Returns a finding that earns the point where enough gates were found, and the model passed all of them."""
    failed = [gate["why"] for gate in found if not gate["passed"]]
    if len(found) < least or failed:
        return needs(" ".join(failed) or missing, *gate_evidence(record, found))
    return Finding(True, gate_evidence(record, found))


def _grep(record: RunRecord, name: str, lines: int) -> str:
    """Returns the command that shows an entry of the summary."""
    entry = shlex.quote(f'"name": {json.dumps(name, ensure_ascii=False)}')
    return f"grep -A {lines} {entry} {quoted(record.folder.summary)}"


def quoted(path: pathlib.Path) -> str:
    """Returns a path for a shell, relative to the current folder where it is below it."""
    here = pathlib.Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))

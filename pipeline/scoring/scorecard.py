"""Scores a run: the points of each test with their evidence, and the score of each section."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pipeline.reporting.run_record import RunRecord
from pipeline.scoring import data, infrastructure, model, monitoring
from pipeline.scoring.finding import Check, Evidence, Finding
from pipeline.scoring.rubric import SECTIONS, TESTS

CHECKS: Mapping[str, Check] = {**data.CHECKS, **model.CHECKS, **infrastructure.CHECKS, **monitoring.CHECKS}
_POINT, _SIGNED = 1.0, 0.5


@dataclasses.dataclass(frozen=True)
class Scored:
    """A test with its points.

    Attributes:
        name: its key in `TESTS`.
        points: 1 for what a machine checked, 0.5 for what a person signed, otherwise 0.
        finding: what a machine found.
        signature: who signed: `by`, `date` and `evidence`; None where nobody did.
    """

    name: str
    points: float
    finding: Finding
    signature: Mapping[str, str] | None

    @property
    def why(self) -> list[Evidence]:
        """The evidence, that of a person included."""
        signed = self.signature
        by_hand = (
            [Evidence(f"Signed by {signed['by']} on {signed['date']}: {signed['evidence']}", "")] if signed else []
        )
        return [*by_hand, *self.finding.evidence]

    @property
    def missing(self) -> str:
        """What has to be done for the whole point; empty where it is earned."""
        if not self.finding.missing or self.points:
            return self.finding.missing
        return f"{self.finding.missing} Or a person signs for it: `score.signed.{self.name}`."


def score(record: RunRecord) -> list[Scored]:
    """Returns all tests with their points, in the order of the rubric."""
    signed = (record.config.get("score") or {}).get("signed") or {}
    found = []
    for name in TESTS:
        finding, signature = CHECKS[name](record), signed.get(name)
        points = _POINT if finding.passed else _SIGNED if signature else 0.0
        found.append(Scored(name, points, finding, signature))
    return found


def by_section(scored: list[Scored]) -> dict[str, list[Scored]]:
    """Returns the tests of each section."""
    return {section: [test for test in scored if TESTS[test.name].section == section] for section in SECTIONS}


def totals(scored: list[Scored]) -> dict[str, float]:
    """Returns the points of each section."""
    return {section: sum(test.points for test in tests) for section, tests in by_section(scored).items()}


def sentence(scored: list[Scored]) -> str:
    """Returns the score in one sentence."""
    points = totals(scored)
    parts = ", ".join(f"{SECTIONS[section].lower()} {value:g}" for section, value in points.items())
    return f"ML Test Score {min(points.values()):g} of 7, the lowest of its sections: {parts}."


def as_json(scored: list[Scored]) -> dict[str, Any]:
    """Returns the score as JSON values."""
    points = totals(scored)
    tests = [
        {
            "test": test.name,
            "section": TESTS[test.name].section,
            "title": TESTS[test.name].title,
            "points": test.points,
            "evidence": [dataclasses.asdict(evidence) for evidence in test.why],
            "missing": test.missing,
        }
        for test in scored
    ]
    return {"score": min(points.values()), "sections": points, "tests": tests}

"""Builds the section on the ML Test Score."""

from pipeline.reporting.blocks import Block, Code, Fold, Section, Table, Text
from pipeline.reporting.run_record import RunRecord
from pipeline.scoring import scorecard
from pipeline.scoring.rubric import SECTIONS, TESTS


def build(record: RunRecord) -> Section:
    """Returns the section."""
    scored = scorecard.score(record)
    points = scorecard.totals(scored)
    found: list[Block] = [
        Text(
            f"{scorecard.sentence(scored)} A test that a machine checked, in this run or in CI, counts one point, and "
            "one that a person signed half a point."
        )
    ]
    for section, tests in scorecard.by_section(scored).items():
        rows = [[TESTS[test.name].title, f"{test.points:g}", _why(test)] for test in tests]
        caption = f"{SECTIONS[section]}: {points[section]:g} of {len(tests)}"
        found.append(Table(["test", "points", "evidence, and what is missing"], rows, caption, 3))
    commands = dict.fromkeys(evidence.command for test in scored for evidence in test.why if evidence.command)
    found.append(Fold("Commands that show the evidence", [Code("\n".join(commands))]))
    return Section("score", "ML Test Score: is it ready for production?", found)


def _why(test: scorecard.Scored) -> str:
    missing = [f"Missing: {test.missing}"] if test.missing else []
    return " ".join([*(evidence.what for evidence in test.why), *missing])

"""Scores a run by the ML Test Score: 28 tests, with the evidence of each or what is missing.

    python pipeline/score.py runs/taxi
    python pipeline/score.py runs/taxi --json

Exit codes: 0 scored; 2 the folder has no run.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

# `python pipeline/score.py` puts pipeline/ first on the path, and its modules would hide others.
sys.path[0:1] = [str(Path(__file__).resolve().parent.parent)]

from pipeline import command_line


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("score.py", __doc__)
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run, such as runs/taxi")
    parser.add_argument("--json", action="store_true", help="print the score as JSON and nothing else")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = _parser().parse_args(argv)
    return command_line.run(lambda: _score(arguments))


def _score(arguments: argparse.Namespace) -> int:
    from pipeline.reporting.run_record import RunRecord
    from pipeline.scoring import scorecard

    scored = scorecard.score(RunRecord.load(arguments.run))
    if arguments.json:
        print(json.dumps(scorecard.as_json(scored), indent=2, ensure_ascii=False))
    else:
        _print(scored)
    return 0


def _print(scored):  # type: ignore[no-untyped-def]
    """Prints the tests by section, each with its evidence or what is missing."""
    from rich.text import Text

    from pipeline.run import terminal
    from pipeline.scoring import scorecard
    from pipeline.scoring.rubric import SECTIONS, TESTS

    console = terminal.console(sys.stdout)
    console.print(scorecard.sentence(scored), markup=False)
    points = scorecard.totals(scored)
    for section, tests in scorecard.by_section(scored).items():
        console.print(Text(f"\n{SECTIONS[section]}: {points[section]:g} of {len(tests)}", "bold"))
        for test in tests:
            style = "green" if test.points == 1 else "yellow"
            console.print(Text.assemble((f"{test.points:>3g}  ", style), TESTS[test.name].title))
            for evidence in test.why:
                console.print(Text(f"     {evidence.what}"), soft_wrap=True)
                if evidence.command:
                    console.print(Text(f"       {evidence.command}", "dim"), soft_wrap=True)
            if test.missing:
                console.print(Text(f"     missing: {test.missing}", "yellow"), soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())

"""Writes the report of a run, report.html, again.

    python pipeline/report.py runs/taxi

Exit codes: 0 written; 2 the folder has no run.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# `python pipeline/report.py` puts pipeline/ first on the path, and its modules would hide others.
sys.path[0:1] = [str(Path(__file__).resolve().parent.parent)]

from pipeline import command_line


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("report.py", __doc__)
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run, such as runs/taxi")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = _parser().parse_args(argv)
    return command_line.run(lambda: _report(arguments.run))


def _report(folder: Path) -> int:
    from pipeline.reporting import page
    from pipeline.reporting.run_record import RunRecord

    print(page.write(RunRecord.load(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

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


def parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    description, *_, epilog = str(__doc__).strip().splitlines()
    command_line = argparse.ArgumentParser("report.py", description=description, epilog=epilog, allow_abbrev=False)
    command_line.add_argument("run", metavar="RUN", type=Path, help="the folder of a run, such as runs/taxi")
    return command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = parser().parse_args(argv)
    from core.errors import UserError

    try:
        from pipeline.reporting import page
        from pipeline.reporting.run_record import RunRecord

        print(page.write(RunRecord.load(arguments.run)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Compares runs on the same rows of test, or a run with the version that was served before it.

    python pipeline/compare.py runs/one runs/other
    python pipeline/compare.py runs/taxi --to comparison.html

Exit codes: 0 compared; 2 a folder has no evaluated run, or the labels differ; 3 the rows of test differ.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

# `python pipeline/compare.py` puts pipeline/ first on the path, and its modules would hide others.
sys.path[0:1] = [str(Path(__file__).resolve().parent.parent)]

from pipeline import command_line


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("compare.py", __doc__)
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", type=Path, help="folders of runs; the others are compared with the first")
    add("--to", type=Path, metavar="FILE", help="also write the comparison with its curves as an HTML file")
    add("--json", action="store_true", help="print the comparison as JSON and nothing else")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = _parser().parse_args(argv)
    return command_line.run(lambda: _compare(arguments))


def _compare(arguments: argparse.Namespace) -> int:
    from core import storage
    from core.errors import GateError
    from pipeline.comparison import sections
    from pipeline.comparison.compared_runs import Comparison
    from pipeline.reporting import page

    comparison = Comparison.of(arguments.runs)
    if arguments.to:
        names = ", ".join(model.name for model in comparison.models)
        text = page.html(f"Comparison of {names}", sections.sentence(comparison), sections.build(comparison))
        storage.write_text(arguments.to, text)
    if arguments.json:
        print(json.dumps(sections.as_json(comparison), indent=2, ensure_ascii=False))
    else:
        _print(comparison)
    return GateError.exit_code if comparison.other_rows() else 0


def _print(comparison):  # type: ignore[no-untyped-def]
    """Prints metrics, settings, slices, time and size."""
    from rich import markup

    from pipeline.comparison import sections
    from pipeline.run import display, terminal

    console = terminal.console(sys.stdout)
    console.print(sections.sentence(comparison), markup=False)
    names = [model.name for model in comparison.models]
    tables = [
        (sections.metric_header(comparison), sections.metric_rows(comparison)),
        (["setting", *names], [[name, *values] for name, values in comparison.settings()]),
        (["time and size", *names], sections.costs(comparison)),
    ]
    for header, rows in tables:
        if rows:
            console.print()
            console.print(display.table(header, [[markup.escape(cell) for cell in row] for row in rows]))


if __name__ == "__main__":
    sys.exit(main())

"""Prints the configuration that a run would infer from a table, each choice with its reason as a comment.

    python pipeline/init_config.py data/penguins.csv --label species > penguins.yaml

Exit codes: 0 printed; 1 internal error (please report it); 2 the arguments or the data are wrong. Change what should
differ in the output, and run: python pipeline/run_local.py FILE.yaml
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # as a script: Python puts this folder first on the path, and its modules would hide others
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pipeline import command_line

if TYPE_CHECKING:
    from pipeline.profile import Resolved


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = _parser().parse_args(argv)
    return command_line.run(lambda: _print(arguments))


def _print(arguments: argparse.Namespace) -> int:
    from pipeline.config import settings
    from pipeline.profile import resolve

    found = settings.load(files=arguments.files, label=arguments.label, name=arguments.name, sets=arguments.set)
    resolved = resolve(found)
    try:
        print("\n".join(_lines(resolved)), flush=True)
    except BrokenPipeError:  # the reader, such as `head`, has ended; Python must not write again when it exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("init_config.py", __doc__)
    add = parser.add_argument
    add("files", nargs="+", metavar="FILES", help="CSV, Parquet, JSON lines or TFRecord files, or globs")
    add("--label", required=True, metavar="COLUMN", help="the column to predict")
    add("--name", help="the run's name (default: that of the first file)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, such as split.by=time (repeatable)")
    return parser


def _lines(resolved: "Resolved") -> Iterator[str]:
    """Yields the lines of the configuration."""
    from pipeline.config.yaml_reader import dump_inline

    settings, reasons = resolved.settings, resolved.reasons
    dumped = settings.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    seed = {"seed"} if settings.split.seed == 0 else None
    dumped["split"] = settings.split.model_dump(mode="json", exclude_none=True, exclude=seed)
    dumped.pop("features", None)
    for warning in resolved.warnings:
        yield f"# Note: {_comment(warning)}"
    for key in ("name", "data", "label", "task", "classes", "weight", "split"):
        if key in dumped:
            reason = {"label": reasons[settings.label], "split": resolved.split_reason}.get(key)
            yield _line(key, dump_inline(dumped.pop(key)), reason)
    yield "features:"
    for column, options in settings.features.items():
        value = "ignore" if options.kind == "ignore" else options.model_dump(mode="json", exclude_none=True)
        yield _line(f"  {dump_inline(column)}", dump_inline(value), reasons[column])
    for key, value in dumped.items():
        yield _line(key, dump_inline(value))


def _line(key: str, value: str, reason: str | None = None) -> str:
    return f"{key}: {value}" + (f"  # {_comment(reason)}" if reason else "")


def _comment(text: str) -> str:
    """Returns a text on one line, with only the characters that YAML allows in a comment."""
    return "".join(character if character.isprintable() else " " for character in text)


if __name__ == "__main__":
    sys.exit(main())

"""Shows the versions of a pushed model, and changes which of them is stable or canary.

    python pipeline/push.py --model runs/taxi/serving --rollback --why "wrong fares since Monday"

Exit codes: 0 done; 2 the arguments or the folder are wrong; 3 --compare: the canary is clearly worse.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# `python pipeline/push.py` puts pipeline/ first on the path, and its modules would hide others.
sys.path[0:1] = [str(Path(__file__).resolve().parent.parent)]
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pipeline import command_line


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("push.py", __doc__)
    parser.add_argument("--model", required=True, metavar="DIR", help="a run's serving/, or its URI")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--list", action="store_true", help="show the versions (the default)")
    rollback_help = (
        "make an older version stable (default: the one that was stable before); `canary` takes its label away"
    )
    action.add_argument("--rollback", nargs="?", const="", metavar="VERSION", help=rollback_help)
    promote_help = "give a label to a version; `canary` makes the canary stable"
    action.add_argument("--promote", metavar="VERSION", help=promote_help)
    keep_help = "remove all but the N newest versions, never the stable one or the canary"
    action.add_argument("--keep", type=int, metavar="N", help=keep_help)
    compare_help = "compare the canary with the stable version on requests: a table, or TensorFlow Serving's log"
    action.add_argument("--compare", nargs="+", metavar="FILES", help=compare_help)
    labels_help = "labels for --compare: a table with --key and the label"
    parser.add_argument("--labels", nargs="+", default=[], metavar="FILES", help=labels_help)
    parser.add_argument("--key", metavar="COLUMN", help="the column that requests and labels have in common")
    as_help = "the label for --promote (default: stable)"
    parser.add_argument("--as", dest="label", choices=["stable", "canary"], help=as_help)
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason, for push.log")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.label and arguments.promote is None:
        parser.error("--as belongs to --promote VERSION")
    if (arguments.labels or arguments.key) and arguments.compare is None:
        parser.error("--labels and --key belong to --compare FILES")
    return command_line.run(lambda: _push(arguments))


def _push(arguments: argparse.Namespace) -> int:
    """Prints what the arguments ask for, and returns the exit code."""
    from models.serving import remote_versions

    with remote_versions.changing(arguments.model) as (base, name):
        if arguments.compare is not None:
            return _compare(arguments, base)
        told = _change(arguments, base, name)
    print(told)  # when the change is in the bucket too
    return 0


def _compare(arguments: argparse.Namespace, base: Path) -> int:
    """Prints the comparison of canary and stable, and returns the exit code."""
    from core.errors import GateError
    from pipeline.monitoring import canary

    found = canary.compare(base, arguments.compare, arguments.labels, arguments.key)
    print("\n".join(found.lines()))
    return GateError.exit_code if found.is_worse else 0


def _change(arguments: argparse.Namespace, base: Path, name: str) -> str:
    """Changes the labels or the versions of a folder, which messages call by its name; returns what to tell."""
    from models.serving import version_changes

    if arguments.promote is not None:
        label = arguments.label or "stable"
        version = version_changes.promote(base, arguments.promote, label, arguments.why)
        return f"Version {version} of {name} is {label} now."
    if arguments.rollback is not None:
        version = version_changes.rollback(base, arguments.rollback or None, arguments.why)
        state = "no canary any more" if arguments.rollback == "canary" else "stable now"
        return f"Version {version} of {name} is {state}."
    if arguments.keep is not None:
        removed = version_changes.keep(base, arguments.keep, arguments.why)
        return f"Removed from {name}: {', '.join(map(str, removed)) or 'nothing'}."
    return _table(base)


def _table(base: Path) -> str:
    """Returns the versions with their labels, and what the log says of their push."""
    from models.serving import model_versions, push_log

    labels = model_versions.labels(base)
    pushes = {entry.get("version"): entry for entry in push_log.entries(base) if entry.get("action") == "push"}
    rows: list[tuple[str, ...]] = [("version", "label", "pushed", "by", "run", "state")]
    for version in sorted(model_versions.versions(base), reverse=True):
        about = [str(pushes.get(version, {}).get(name, "")) for name in ("when", "who", "run")]
        state = "damaged" if model_versions.damage(base / str(version)) else "whole"
        rows.append((str(version), labels.of(version) or "", *about, state))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

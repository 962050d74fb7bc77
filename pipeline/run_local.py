"""Runs the whole pipeline on this machine, orchestrated by TFX on Beam: data in, an evaluated and pushed model out.

    python pipeline/run_local.py [CONFIG]
    python pipeline/run_local.py --data FILES --label COLUMN

Exit codes: 0 pushed or up to date; 1 internal error; 2 the arguments, the configuration or the data are wrong; 3 the
model or the data did not pass a gate; 130 stopped by Ctrl-C.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# `python pipeline/run_local.py` puts pipeline/ first on the path, where its modules would shadow others.
sys.path[0:1] = [str(ROOT)]
os.environ["TF_USE_LEGACY_KERAS"] = "0"  # before anything imports TensorFlow, or tf.keras would silently be Keras 2

from pipeline import command_line

DEFAULT_CONFIG = ROOT / "pipeline" / "datasets" / "taxi.yaml"


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("run_local.py", __doc__)
    add = parser.add_argument
    add("config", nargs="?", metavar="CONFIG", help="the configuration, YAML (default: the Chicago taxi sample)")
    files_help = "the table, in place of a CONFIG: CSV, Parquet, JSON lines or TFRecord"
    add("--data", nargs="+", metavar="FILES", help=files_help)
    add("--label", metavar="COLUMN", help="the column to predict")
    add("--name", help="the name of the run (default: that of the configuration or the data)")
    add("--out", type=_folder, metavar="DIR", help="the folder of the run (default: runs/NAME)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting, as in --set train.epochs=3")
    add("--from", dest="from_stage", metavar="STAGE", help="begin with this stage, on the results of the last run")
    add("--to", dest="to_stage", metavar="STAGE", help="end with this stage")
    stale_help = (
        "run only where the served model is stale: trained on other data, or with alarms in monitor.py's REPORT"
    )
    add("--if-stale", nargs="?", const="", metavar="REPORT", help=stale_help)
    shadow_help = "train, evaluate and compare with the served model, but push nothing"
    add("--shadow", action="store_true", help=shadow_help)
    compare_help = "compare the model with this served version, not with the newest"
    add("--compare-to", type=int, metavar="VERSION", help=compare_help)
    add("--dry-run", action="store_true", help="print which stages would run, which are cached, and why")
    add("--no-cache", action="store_true", help="run every stage, whether or not it has changed")
    verify_help = "read all files of earlier results to see whether they are damaged, and not their sizes alone"
    add("--verify", action="store_true", help=verify_help)
    schema_help = "write the inferred schema beside the configuration, or merge it there"
    add("--update-schema", action="store_true", help=schema_help)
    add("--quiet", action="store_true", help="print only the result")
    add("--json", action="store_true", help="print the summary as JSON on standard output, and nothing else there")
    return parser


def _folder(text: str) -> Path:
    """Returns the path of a folder; an empty text, such as that of a variable that is not set, is an error."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty, and the path of a folder was expected")
    if "://" in text:
        raise argparse.ArgumentTypeError(
            f"{text} is a URI, and a run is kept in a folder of this machine: give its path"
        )
    return Path(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = _parser().parse_args(argv)
    return command_line.run(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from core.errors import GateError, UserError
    from pipeline.run import dispatch

    folder = arguments.out
    try:
        request = _request(arguments)
        folder = request.folder
        return dispatch.run(request)
    except (UserError, GateError) as error:
        if folder and not arguments.dry_run:
            _report_refusal(folder, error)
        raise


def _report_refusal(folder: Path, error: Exception) -> None:
    """Writes the report of a run that did not begin, into a folder that can be used and has no earlier run."""
    from pipeline.reporting import page
    from pipeline.run.run_folder import FolderUnusable

    if not isinstance(error, FolderUnusable):
        page.of_refused(folder, error)


def _request(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    """Returns the request, with the configuration read and checked."""
    from core.errors import UserError
    from pipeline.config import settings
    from pipeline.graph import stage_named
    from pipeline.run.request import Request

    if arguments.config and arguments.data:
        raise UserError(
            f"Both a configuration ({arguments.config}) and --data are given. Give one of the two; "
            "to change the data of a configuration, use --set data.files=FILES."
        )
    if arguments.shadow and arguments.to_stage:
        raise UserError("Both --shadow and --to are given. --shadow is --to ServingValidator: leave one of them out.")
    to_stage = "ServingValidator" if arguments.shadow else arguments.to_stage
    config = arguments.config or (None if arguments.data else DEFAULT_CONFIG)
    return Request(
        settings=settings.load(config, arguments.data, arguments.label, arguments.name, arguments.set),
        config=Path(config) if config else None,
        out=arguments.out,
        from_stage=None if arguments.from_stage is None else stage_named(arguments.from_stage),
        to_stage=None if to_stage is None else stage_named(to_stage),
        if_stale=arguments.if_stale is not None,
        alarms=Path(arguments.if_stale) if arguments.if_stale else None,
        compare_to=arguments.compare_to,
        dry_run=arguments.dry_run,
        cache=not arguments.no_cache,
        verify=arguments.verify,
        update_schema=arguments.update_schema,
        quiet=arguments.quiet,
        json=arguments.json,
    )


if __name__ == "__main__":
    sys.exit(main())

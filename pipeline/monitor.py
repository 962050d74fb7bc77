"""Watches a served model: compares requests with what the model was trained on, and its quality where labels came.

    python pipeline/monitor.py --model runs/taxi/serving --requests log/*.parquet

Exit codes: 0 no limit is passed; 1 internal error, please report it; 2 the arguments or data are wrong; 3 an alarm.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# `python pipeline/monitor.py` puts pipeline/ first on the path, and its modules would hide others.
sys.path[0:1] = [str(Path(__file__).resolve().parent.parent)]
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Arrow's own allocator keeps 50 MB when the requests have been read, and TensorFlow needs 800 MB then.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

from pipeline import command_line


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("monitor.py", __doc__)
    add = parser.add_argument
    model_help = "a run's serving/ (its stable version) or one version in it; a path or a URI"
    add("--model", required=True, metavar="DIR", help=model_help)
    requests_help = "a table in any format of the data, or TensorFlow Serving's log: TFRecord of PredictionLog"
    add("--requests", required=True, nargs="+", metavar="FILES", help=requests_help)
    add("--labels", nargs="+", default=[], metavar="FILES", help="labels that came: a table with --key and the label")
    add("--key", metavar="COLUMN", help="the column that requests and labels have in common")
    add("--time", metavar="COLUMN", help="the column with the time of a request")
    by_help = "the windows of time that are compared one by one (default: at most about 60)"
    add("--by", choices=["hour", "day", "month", "year"], help=by_help)
    set_help = "change a setting of the data, as in --set data.csv.encoding=latin-1 (default: as in the training)"
    add("--set", action="append", default=[], dest="sets", metavar="data.KEY=VALUE", help=set_help)
    schema_help = "a schema.pbtxt whose drift and skew comparators take the place of the configuration's limits"
    add("--schema", type=Path, metavar="FILE", help=schema_help)
    add("--max-age", type=float, metavar="DAYS", help="raise an alarm where the model is older")
    add("--html", type=Path, metavar="FILE", help="also write the report as a page")
    prometheus_help = "also write the report in Prometheus' text format, for the textfile collector"
    add("--prometheus", type=Path, metavar="FILE", help=prometheus_help)
    add("--json", action="store_true", help="print the report as JSON on standard output, and nothing else there")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = _parser().parse_args(argv)
    return command_line.run(lambda: _watch(arguments))


def _watch(arguments: argparse.Namespace) -> int:
    from pipeline.monitoring import watch
    from pipeline.prediction import data_flags

    with data_flags.advising_flags():
        return watch.run(watch.Request(**vars(arguments)))


if __name__ == "__main__":
    sys.exit(main())

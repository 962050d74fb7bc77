"""Predicts the rows of files with a model that the pipeline pushed.

    python pipeline/predict.py --model runs/taxi/serving --data new/*.csv --to predictions.parquet

Exit codes: 0 written; 1 internal error, please report it; 2 the arguments, the model or the data are wrong.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# `python pipeline/predict.py` puts pipeline/ first on the path, and its modules would hide others.
sys.path[0:1] = [str(Path(__file__).resolve().parent.parent)]
os.environ["TF_USE_LEGACY_KERAS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pipeline import command_line


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("predict.py", __doc__)
    add = parser.add_argument
    model_help = "a run's serving/ (its stable version) or one version in it; a path or a URI"
    add("--model", required=True, metavar="DIR", help=model_help)
    add("--data", required=True, nargs="+", metavar="FILES", help="CSV, Parquet, JSON lines or TFRecord, without label")
    to_help = "the file to write: .parquet, .csv, .jsonl or .duckdb; or a folder, in which each file gets a part"
    add("--to", required=True, metavar="FILE", help=to_help)
    add("--keep", nargs="+", default=[], metavar="COLUMN", help="columns of the data to write beside the predictions")
    set_help = "change a setting of the data, as in --set data.csv.encoding=latin-1 (default: as in the training)"
    add("--set", action="append", default=[], dest="sets", metavar="data.KEY=VALUE", help=set_help)
    allow_help = "features whose values may all be unknown to the model, which is an error otherwise"
    add("--allow-unknown", nargs="+", default=[], metavar="COLUMN", help=allow_help)
    beam_help = "predict the files through Beam into a folder, as in --beam='--runner=flink'"
    add("--beam", nargs="?", const="", metavar="OPTIONS", help=beam_help)
    add("--quiet", action="store_true", help="print only errors")
    add("--json", action="store_true", help="print the summary as JSON on standard output, and nothing else there")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = _parser().parse_args(argv)
    stopped = "stopped; nothing was written, but for the parts in a folder that are complete."
    return command_line.run(lambda: _predict(arguments), stopped)


def _predict(arguments: argparse.Namespace) -> int:
    from pipeline.prediction import batch_prediction, data_flags

    data = vars(arguments).pop("data")
    with data_flags.advising_flags():
        return batch_prediction.run(batch_prediction.Request(files=data, **vars(arguments)))


if __name__ == "__main__":
    sys.exit(main())

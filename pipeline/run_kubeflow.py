"""Compiles the pipeline for Kubeflow Pipelines or Vertex AI into one file, and starts or schedules it there.

    python pipeline/run_kubeflow.py [CONFIG] --target kubeflow --image IMAGE --pipeline-root URI --to FILE.yaml

Exit codes: 0 written, started or scheduled; 1 internal error; 2 the arguments, the configuration or the data are wrong,
or the platform cannot be reached; 3 the run that was waited for has failed; 130 stopped by Ctrl-C.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# `python pipeline/run_kubeflow.py` puts pipeline/ first on the path, where its modules would shadow others.
sys.path[0:1] = [str(ROOT)]
os.environ["TF_USE_LEGACY_KERAS"] = "0"  # before anything imports TensorFlow, or tf.keras would silently be Keras 2
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pipeline import command_line

DEFAULT_CONFIG = ROOT / "pipeline" / "datasets" / "taxi.yaml"


def _parser() -> argparse.ArgumentParser:
    """Returns the command line's parser."""
    parser = command_line.parser("run_kubeflow.py", __doc__)
    add = parser.add_argument
    config_help = "the configuration, YAML; a resolved one needs no data here (default: the Chicago taxi sample)"
    add("config", nargs="?", metavar="CONFIG", help=config_help)
    add("--target", required=True, choices=["kubeflow", "vertex"], help="the platform")
    add("--image", required=True, help="the image of all steps, made from the Dockerfile")
    root_help = "the folder, in a bucket, of the outputs of all stages: s3://, gs:// or minio://"
    add("--pipeline-root", required=True, metavar="URI", help=root_help)
    add("--to", required=True, type=Path, metavar="FILE", help="the file to write: .yaml, or .json for Vertex AI")
    add("--name", help="the name of the run (default: that of the configuration)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting, as in --set train.epochs=3")
    add("--submit", action="store_true", help="start the pipeline")
    add("--dry-run", action="store_true", help="print what --submit would send, and send nothing")
    add("--host", metavar="URL", help="the address of Kubeflow Pipelines")
    add("--project", help="the Google Cloud project of Vertex AI")
    add("--region", help="the region of Vertex AI")
    add("--schedule", metavar="CRON", help="with --submit: start it again and again, as in '0 6 * * *'")
    add("--wait", action="store_true", help="with --submit: wait until the run has ended")
    parameter_help = "with --submit: the value of a runtime parameter"
    add("--parameter", action="append", default=[], metavar="NAME=VALUE", help=parameter_help)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = _parser().parse_args(argv)
    return command_line.run(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from pipeline.config import settings
    from pipeline.deployment import command
    from pipeline.deployment.target import Target

    config = arguments.config or DEFAULT_CONFIG
    loaded = settings.load(config, name=arguments.name, sets=arguments.set)
    place = [arguments.project or loaded.deploy.project, arguments.region or loaded.deploy.region]
    return command.run(
        command.Request(
            settings=loaded,
            target=Target(arguments.target, arguments.image, arguments.pipeline_root, *place),
            **{name: getattr(arguments, name) for name in ("to", "submit", "dry_run", "host", "schedule", "wait")},
            parameters=arguments.parameter,
        )
    )


if __name__ == "__main__":
    sys.exit(main())

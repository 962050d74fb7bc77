"""Makes the arguments of Beam from the configuration, and checks them before the first stage starts."""

import contextlib
import io
from collections.abc import Iterator, Sequence

from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
    TestOptions,
    WorkerOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners import runner
from apache_beam.runners.portability import flink_runner

from core.config.deployment import Beam
from core.errors import UserError
from core.text import did_you_mean

RUNNERS = {
    "local": "FnApiRunner",  # Beam's default would first look for a binary to download
    "flink": "FlinkRunner",
    "spark": "SparkRunner",
    "dataflow": "DataflowRunner",
    "prism": "PrismRunner",
}


def arguments(beam: Beam) -> list[str]:
    """Returns the arguments of Beam for the engine and the options of the configuration.

    Raises:
        UserError: Beam does not know an option or cannot read its value, or one that the engine needs is missing.
    """
    given = [argument for name, value in beam.options.items() for argument in _written(name, value)]
    if beam.runner == "local" and beam.options.get("direct_num_workers", 1) != 1:
        given.insert(0, "--direct_running_mode=multi_processing")  # the last one counts
    if not beam.options.keys() & {"sdk_container_image", "extra_packages", "requirements_file", "setup_file"}:
        given.append("--worker_harness_container_image=none")  # or TFX would package its source for the workers
    made = [f"--runner={RUNNERS[beam.runner]}", *given]
    with contextlib.redirect_stderr(io.StringIO()) as printed:
        try:
            problem = next(_problems(beam, PipelineOptions(made)), None)
        except SystemExit:  # Beam's parser prints its reason as a command does
            problem = printed.getvalue().strip().rpartition("error: ")[2]
        except (ValueError, ImportError, AttributeError) as error:
            problem = str(error)
    if problem:
        reason = problem if problem.endswith("?") else f"{problem.rstrip('.')}."
        raise UserError(f"beam: {reason} Correct the options under `beam:` in the configuration.")
    return made


def _written(name: str, value: object) -> Iterator[str]:
    """Yields an option as Beam's parser reads it."""
    for item in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
        if item is not False:
            yield f"--{name}" if item is True else f"--{name}={item}"


def _problems(beam: Beam, options: PipelineOptions) -> Iterator[str]:
    """Yields what Beam or its engine would refuse, without a look at the network."""
    known = options.get_all_options()
    if beam.runner not in ("flink", "spark"):  # their job servers have options that only they know
        for name in beam.options:
            if name not in known and name.removeprefix("no_") not in known:
                yield f"there is no option {name!r}.{did_you_mean(name, known)}"
    validator = PipelineOptionsValidator(options, runner.create_runner(RUNNERS[beam.runner]))
    if beam.runner == "dataflow":
        google = options.view_as(GoogleCloudOptions)
        # Without a good temp_location the validator would look for a bucket.
        yield from validator.validate_gcs_path(google, "temp_location")
        if not google.region:
            yield "Missing required option: region"
        if not options.view_as(WorkerOptions).sdk_container_image:
            yield "the workers need the project's code. Give the image of the project as sdk_container_image"
    elif _is_cluster(options) and not options.view_as(PortableOptions).environment_type:
        yield (
            "the workers need the project's code. Give environment_type: DOCKER with the image of the project as "
            "environment_config, or environment_type: EXTERNAL with the address of a worker pool"
        )
    options.view_as(TestOptions).dry_run = True  # or the validator would ask Google Cloud Storage
    yield from validator.validate()


def _is_cluster(options: PipelineOptions) -> bool:
    """Returns whether the master of Flink or Spark is one outside of the job server."""
    flink = options.view_as(FlinkRunnerOptions).flink_master
    return flink not in flink_runner.MAGIC_HOST_NAMES or not options.view_as(
        SparkRunnerOptions
    ).spark_master_url.startswith("local")

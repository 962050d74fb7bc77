"""Runs TFX's own stages from CSV to a transform graph, for comparison in `data_path.py`, as a separate process.

    python benchmarks/stock_tfx/data_path.py CSV_FOLDER OUTPUT_FOLDER

Prints the seconds of each stage as JSON when it has ended, without imports.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import json
import sys
import time

from apache_beam.options.pipeline_options import StandardOptions
from tfx import v1 as tfx
from tfx.orchestration.beam import beam_dag_runner


class TimedNode(beam_dag_runner.PipelineNodeAsDoFn):
    """A node that prints its duration in seconds."""

    def _run_node(self) -> None:
        begun = time.monotonic()
        super()._run_node()
        print(json.dumps({self._node_id: time.monotonic() - begun}), flush=True)


class TimedRunner(beam_dag_runner.BeamDagRunner):
    """TFX's Beam runner with timed nodes."""

    _PIPELINE_NODE_DO_FN_CLS = TimedNode


def main() -> None:
    """Builds and runs the pipeline."""
    data, folder = sys.argv[1:3]
    example_gen = tfx.components.CsvExampleGen(input_base=data)
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    transform = tfx.components.Transform(
        examples=examples,
        schema=schema_gen.outputs["schema"],
        preprocessing_fn="preprocessing.preprocessing_fn",
    )
    StandardOptions.DEFAULT_RUNNER = "FnApiRunner"
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(os.path.join(folder, "metadata.sqlite"))
    TimedRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="stock",
            pipeline_root=folder,
            components=[example_gen, statistics_gen, schema_gen, transform],
            metadata_connection_config=connection,
            beam_pipeline_args=["--runner=FnApiRunner"],
        )
    )


if __name__ == "__main__":
    main()

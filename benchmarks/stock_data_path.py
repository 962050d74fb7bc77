"""TFX's own way from CSV to a transform graph: what the data-path benchmark compares with. Run as a process of its own.

    python benchmarks/stock_data_path.py CSV_FOLDER OUTPUT_FOLDER

Prints the seconds of each stage as JSON, imports left out. The preprocessing_fn is what the templates do: z-scores for
numbers, vocabularies for texts.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import json
import sys
import time
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.options.pipeline_options import StandardOptions
from tfx import v1 as tfx
from tfx.orchestration.beam import beam_dag_runner

SECONDS: dict[str, float] = {}


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Scales numbers and looks texts up in vocabularies."""
    outputs = {}
    for name, sparse in inputs.items():
        default = b"" if sparse.dtype == tf.string else 0
        dense = tf.sparse.to_dense(tf.SparseTensor(sparse.indices, sparse.values, [sparse.dense_shape[0], 1]), default)
        dense = tf.squeeze(dense, axis=1)
        if dense.dtype == tf.string:
            outputs[name] = tft.compute_and_apply_vocabulary(
                dense, top_k=10_000, num_oov_buckets=1, vocab_filename=name
            )
        else:
            outputs[name] = tft.scale_to_z_score(tf.cast(dense, tf.float32))
    return outputs


class TimedNode(beam_dag_runner.PipelineNodeAsDoFn):
    """A node whose seconds are kept."""

    def _run_node(self) -> None:
        begun = time.monotonic()
        super()._run_node()
        SECONDS[self._node_id] = time.monotonic() - begun


class TimedRunner(beam_dag_runner.BeamDagRunner):
    """TFX's runner with timed nodes."""

    _PIPELINE_NODE_DO_FN_CLS = TimedNode


def main() -> None:
    """The command."""
    sys.modules["stock_data_path"] = sys.modules["__main__"]  # Beam and TFX find things by the module's name
    data, folder = sys.argv[1:3]
    example_gen = tfx.components.CsvExampleGen(input_base=data)
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    transform = tfx.components.Transform(
        examples=examples,
        schema=schema_gen.outputs["schema"],
        preprocessing_fn="stock_data_path.preprocessing_fn",
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
    print(json.dumps(SECONDS))


if __name__ == "__main__":
    main()

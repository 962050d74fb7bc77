"""Runs TFX's taxi template, CsvExampleGen to Pusher, for comparison in `taxi.py`, as a separate process.

    python benchmarks/stock_tfx/taxi.py FOLDER

The template's stages are commented out; this pipeline connects them as the comments say, with 100 training steps and
without a Tuner. It needs Keras 2, for which the template is written.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import pathlib
import sys

import tensorflow_model_analysis as tfma
from apache_beam.options.pipeline_options import StandardOptions
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx

TEMPLATE = "tfx.experimental.templates.taxi.models"
DATA = pathlib.Path(tfx.__file__).parent.parent / "examples/chicago_taxi_pipeline/data/simple"


def evaluation() -> config_pb2.EvalConfig:
    """Returns the template's evaluation."""
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": 0.6}),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -1e-10}
        ),
    )
    metric = config_pb2.MetricConfig(class_name="BinaryAccuracy", threshold=threshold)
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name="serving_default",
                label_key="tips_xf",
                preprocessing_function_names=["transform_features"],
            )
        ],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[metric])],
    )


def pipeline(folder: pathlib.Path) -> tfx.dsl.Pipeline:
    """Returns the template's pipeline with all its stages."""
    example_gen = tfx.components.CsvExampleGen(input_base=str(DATA))
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    schema = schema_gen.outputs["schema"]
    validator = tfx.components.ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema)
    transform = tfx.components.Transform(
        examples=examples, schema=schema, preprocessing_fn=f"{TEMPLATE}.preprocessing.preprocessing_fn"
    )
    trainer = tfx.components.Trainer(
        run_fn=f"{TEMPLATE}.keras_model.model.run_fn",
        examples=transform.outputs["transformed_examples"],
        schema=schema,
        transform_graph=transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(num_steps=100),
        eval_args=tfx.proto.EvalArgs(num_steps=150),
    )
    resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=resolver.outputs["model"],
        eval_config=evaluation(),
    )
    destination = tfx.proto.PushDestination.Filesystem(base_directory=str(folder / "serving"))
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(filesystem=destination),
    )
    stages = [example_gen, statistics_gen, schema_gen, validator, transform, trainer, resolver, evaluator, pusher]
    return tfx.dsl.Pipeline(
        pipeline_name="stock_taxi",
        pipeline_root=str(folder / "artifacts"),
        components=stages,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder / "m.db")),
        beam_pipeline_args=["--runner=FnApiRunner"],
    )


if __name__ == "__main__":
    assert tfma
    StandardOptions.DEFAULT_RUNNER = "FnApiRunner"
    tfx.orchestration.LocalDagRunner().run(pipeline(pathlib.Path(sys.argv[1])))

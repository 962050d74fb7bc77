"""Transform: the graph from raw columns to the model's inputs, which training and serving share.

Our own features need no data: their constants are in the statistics. With a user's `preprocessing_fn` the stock
executor runs its Beam analysis over train.
"""

import os
import pathlib
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components import findings
from models import constants, preprocessing
from models.spec import Input, Spec, inputs_to_json

INPUTS_FILE = "inputs.json"


def raw_feature_spec(schema: schema_pb2.Schema, spec: Spec) -> dict[str, tf.io.VarLenFeature]:
    """Returns how tf.Example holds what the graph takes: every column as a list of any length."""
    wanted = {each.name for each in spec.features} | {spec.label.name, spec.weight}
    types_ = {schema_pb2.INT: tf.int64, schema_pb2.FLOAT: tf.float32, schema_pb2.BYTES: tf.string}
    return {each.name: tf.io.VarLenFeature(types_[each.type]) for each in schema.feature if each.name in wanted}


def write_graph(output: str, schema: schema_pb2.Schema, spec: Spec, statistics: str) -> tuple[Input, ...]:
    """Traces our features and writes the stock layout of a transform graph.

    Args:
        output: the folder of the artifact.
        schema: the schema of the raw columns.
        spec: the features.
        statistics: the path of train's `FeatureStats.pb`.

    Returns:
        The model's inputs.
    """
    config = {"spec": spec.to_json(), "statistics": statistics}
    feature_spec = raw_feature_spec(schema, spec)
    type_specs = {name: tf.SparseTensorSpec([None, None], each.dtype) for name, each in feature_spec.items()}
    impl_helper.analyze_in_place(
        lambda inputs: preprocessing.preprocessing_fn(inputs, config), False, feature_spec, type_specs, output
    )
    raw = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(feature_spec))
    metadata_io.write_metadata(raw, os.path.join(output, tft.TFTransformOutput.RAW_METADATA_DIR))
    declared = preprocessing.declare(spec, constants.load(statistics, spec))
    return tuple(each for inputs in declared.values() for each in inputs)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes the transform graph and `inputs.json` beside it."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Makes the graph.

        Raises:
            UserError: the user's `preprocessing_fn` fails, or gives what the model cannot take.
        """
        spec = Spec.from_json(exec_properties["spec"])
        output = artifact_utils.get_single_instance(output_dict["transform_graph"])
        schema_uri = artifact_utils.get_single_uri(input_dict["schema"])
        schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema_uri))
        statistics = preprocessing.statistics_path(artifact_utils.get_single_uri(input_dict["statistics"]))
        inputs = write_graph(output.uri, schema, spec, statistics)
        pathlib.Path(output.uri, INPUTS_FILE).write_text(inputs_to_json(inputs), encoding="utf-8")
        _record(output, inputs, spec)


def _record(output: types.Artifact, inputs: tuple[Input, ...], spec: Spec) -> None:
    counts = {kind: sum(each.kind == kind for each in inputs) for kind in ("numeric", "categorical", "tokens")}
    shown = " · ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    findings.record(output, f"{len(spec.features):,} features to {len(inputs):,} inputs: {shown}", inputs=counts)


class TransformSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """What Transform takes and gives."""

    PARAMETERS = {
        "spec": component_spec.ExecutionParameter(type=str),
        "fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }
    OUTPUTS = {"transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph)}


class Transform(base_beam_component.BaseBeamComponent):  # type: ignore[misc]
    """The transform graph.

    Args:
        examples: read only where a `preprocessing_fn` of the user's is analysed.
        schema: the schema of the raw columns.
        statistics: where our features take their constants from.
        spec: `Spec.to_json()`.
        fingerprint: changes when the code does.
    """

    SPEC_CLASS = TransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        statistics: types.BaseChannel,
        spec: str,
        fingerprint: str = "",
    ) -> None:
        super().__init__(
            TransformSpec(
                examples=examples,
                schema=schema,
                statistics=statistics,
                spec=spec,
                fingerprint=fingerprint,
                transform_graph=types.Channel(type=standard_artifacts.TransformGraph),
            )
        )

"""Transform: makes the graph from raw columns to the model's inputs, which training and serving share.

The graph of the default `preprocessing_fn` is made without reading data: its constants are in the statistics. For a
user's `preprocessing_fn` the stock executor analyzes train on Beam.
"""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils
from tfx_bsl.tfxio import tensor_adapter

from components.base import stage_report
from components.transform import outlier_warnings, user_analysis
from core import examples
from core.examples import RowGroup
from core.spec import Feature, Input, Spec, inputs_to_json
from models.preprocessing import feature_stats, preprocessing_fn, tracing, user_preprocessing

INPUTS_FILE = "inputs.json"

_SAMPLE = 65_536  # rows out of which the moments of a user's features are measured


def raw_schema(schema: schema_pb2.Schema, spec: Spec) -> schema_pb2.Schema:
    """Returns the schema of the inputs of the graph: features, label and weight, each a list of any length."""
    wanted = {feature.name for feature in spec.features} | {spec.label.name, spec.weight}
    types_ = {schema_pb2.INT: tf.int64, schema_pb2.FLOAT: tf.float32, schema_pb2.BYTES: tf.string}
    return schema_utils.schema_from_feature_spec(
        {field.name: tf.io.VarLenFeature(types_[field.type]) for field in schema.feature if field.name in wanted}
    )


def write_graph(output: str, schema: schema_pb2.Schema, spec: Spec, statistics: str) -> tuple[Input, ...]:
    """Traces the default `preprocessing_fn` and writes the files of a transform graph artifact.

    Args:
        output: the folder of the artifact.
        schema: the schema of the raw columns.
        spec: the features.
        statistics: the path of train's `FeatureStats.pb`.

    Returns:
        The model's inputs.
    """
    stats = feature_stats.load(statistics, spec)
    raw = raw_schema(schema, spec)
    columns = {name: column.dtype for name, column in schema_utils.schema_as_feature_spec(raw).feature_spec.items()}
    payloads = {feature.name: feature.payload for feature in spec.features} | {spec.label.name: spec.label.payload}
    columns |= {name: tf.float64 for name in columns if payloads.get(name) == "double"}
    inputs = tracing.trace(output, spec, stats, columns)
    metadata = dataset_metadata.DatasetMetadata(raw)
    metadata_io.write_metadata(metadata, os.path.join(output, tft.TFTransformOutput.RAW_METADATA_DIR))
    return inputs


def sample(output: str, row_groups: Sequence[RowGroup]) -> dict[str, np.ndarray]:
    """Returns some transformed rows, from the first row groups."""
    graph = tft.TFTransformOutput(output)
    layer, names = graph.transform_features_layer(), list(graph.raw_feature_spec())
    parts: list[dict[str, np.ndarray]] = []
    rows = 0
    for row_group in row_groups:
        batch = examples.read(row_group, names).slice(0, _SAMPLE - rows)
        adapter = tensor_adapter.TensorAdapter(
            tensor_adapter.TensorAdapterConfig(batch.schema, {name: _any_length(name) for name in names})
        )
        parts.append({name: tensor.numpy() for name, tensor in layer(adapter.ToBatchTensors(batch)).items()})
        rows += batch.num_rows
        if rows >= _SAMPLE:
            break
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _any_length(name: str) -> schema_pb2.TensorRepresentation:
    return schema_pb2.TensorRepresentation(
        varlen_sparse_tensor=schema_pb2.TensorRepresentation.VarLenSparseTensor(column_name=name)
    )


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes the transform graph, and the model's inputs as `inputs.json`."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Writes the artifact.

        Raises:
            UserError: the user's `preprocessing_fn` fails, or its outputs do not fit a model.
        """
        spec = Spec.from_json(exec_properties["spec"])
        output = artifact_utils.get_single_instance(output_dict["transform_graph"])
        schema_uri = artifact_utils.get_single_uri(input_dict["schema"])
        schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema_uri))
        statistics = preprocessing_fn.statistics_path(artifact_utils.get_single_uri(input_dict["statistics"]))
        analyzed = 0
        if spec.preprocessing_fn:
            made = artifact_utils.get_single_instance(input_dict["examples"])
            inputs, analyzed = self._analyze(made, output, schema, spec, exec_properties["cache"] or None)
        else:
            inputs = write_graph(output.uri, schema, spec, statistics)
        pathlib.Path(output.uri, INPUTS_FILE).write_text(inputs_to_json(inputs), encoding="utf-8")
        _record(output, inputs, spec, analyzed, outlier_warnings.find(statistics, spec))

    def _analyze(
        self, made: types.Artifact, output: types.Artifact, schema: schema_pb2.Schema, spec: Spec, cache: str | None
    ) -> tuple[tuple[Input, ...], int]:
        """Analyzes train with the user's function by stock Transform, and describes the outputs.

        Returns:
            The model's inputs, and the number of files of train that an earlier run analyzed.
        """
        analyzed = user_analysis.analyze(self._context, made, raw_schema(schema, spec), output, spec, cache)
        row_groups = examples.row_groups(artifact_utils.get_split_uri([made], user_analysis.TRAIN))
        transformed = tft.TFTransformOutput(output.uri).transformed_metadata.schema
        inputs = user_preprocessing.describe(
            spec.preprocessing_fn or "",
            transformed,
            sample(output.uri, row_groups),
            Feature.buckets,
        )
        return inputs, analyzed


def _record(
    output: types.Artifact, inputs: tuple[Input, ...], spec: Spec, analyzed: int, warnings: Sequence[str]
) -> None:
    counts = {kind: sum(declared.kind == kind for declared in inputs) for kind in ("numeric", "categorical", "tokens")}
    shown = " · ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    line = f"{len(spec.features):,} features to {len(inputs):,} inputs: {shown}"
    if analyzed:
        line += f" · {analyzed:,} file{'s' if analyzed > 1 else ''} analyzed before"
    stage_report.record(output, line, warnings=warnings, inputs=counts)


class TransformSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """Parameters, inputs and outputs of Transform."""

    PARAMETERS = {
        "spec": component_spec.ExecutionParameter(type=str),
        "preprocessing_digest": component_spec.ExecutionParameter(type=str),
        "cache": component_spec.ExecutionParameter(type=str),
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
        examples: read only for a user's `preprocessing_fn`.
        schema: the schema of the raw columns.
        statistics: the constants of the default `preprocessing_fn`.
        spec: `Spec.to_json()`.
        preprocessing_digest: the digest of the file of the user's function, on which the cache depends.
        cache: a folder that keeps the analysis of each file by a user's function; empty for none.
        fingerprint: makes TFX's cache depend on the code.
    """

    SPEC_CLASS = TransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        statistics: types.BaseChannel,
        spec: str,
        preprocessing_digest: str,
        cache: str,
        fingerprint: str,
    ) -> None:
        super().__init__(
            TransformSpec(
                examples=examples,
                schema=schema,
                statistics=statistics,
                spec=spec,
                preprocessing_digest=preprocessing_digest,
                cache=cache,
                fingerprint=fingerprint,
                transform_graph=types.Channel(type=standard_artifacts.TransformGraph),
            )
        )

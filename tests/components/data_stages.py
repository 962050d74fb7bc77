"""Makes Examples artifacts of a few literal rows, and runs components as TFX runs them."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_executor, base_component, base_executor
from tfx.types import artifact_utils, standard_artifacts

from components.statistics_gen.component import StatisticsGen
from core import examples
from core.spec import Payload, Spec

BEAM = ["--runner=FnApiRunner", "--worker_harness_container_image=none"]
Rows = Mapping[str, Sequence[Any]]  # a column's values: None for missing, a list for several


def artifact(kind: type[types.Artifact], uri: pathlib.Path, splits: Sequence[str] = ()) -> types.Artifact:
    """Returns an artifact whose folder exists."""
    uri.mkdir(parents=True, exist_ok=True)
    made = kind()
    made.uri = str(uri)
    if splits:
        made.split_names = artifact_utils.encode_split_names(list(splits))
    return made


def write_examples(
    folder: pathlib.Path, columns: Mapping[str, Payload], splits: Mapping[str, Rows], rows_in_file: int = 1 << 30
) -> types.Artifact:
    """Writes Examples of literal rows; texts may be written as str."""
    schema = examples.arrow_schema(columns)
    for split, rows in splits.items():
        table = pa.table({name: [_values(value) for value in rows[name]] for name in columns}, schema)
        for number, start in enumerate(range(0, len(table), rows_in_file)):
            path = folder / f"Split-{split}" / f"part-{number}.parquet"
            with examples.SplitWriter(str(path), schema) as writer:
                writer.write(table.slice(start, rows_in_file))
    made = artifact(standard_artifacts.Examples, folder, list(splits))
    made.span = 0
    made.set_string_custom_property("payload_format", "FORMAT_PARQUET")
    made.set_string_custom_property("file_format", "FILE_FORMAT_PARQUET")
    return made


def _values(value: Any) -> list[Any] | None:
    if value is None:
        return None
    values = value if isinstance(value, list) else [value]
    return [value.encode() if isinstance(value, str) else value for value in values]


def run(
    stage: Any,
    inputs: Mapping[str, types.Artifact],
    outputs: Mapping[str, types.Artifact],
    beam: Sequence[str] = BEAM,
    **properties: Any,
) -> list[types.Artifact]:
    """Runs the executor of a component as TFX would; the parameters that are not given are empty.

    Returns the outputs as TFX publishes them: the executor of a function component replaces them by copies.
    """
    executor: type[base_executor.BaseExecutor] = stage.EXECUTOR_SPEC.executor_class if _is_component(stage) else stage
    if _is_component(stage):
        texts = (name for name, parameter in stage.SPEC_CLASS.PARAMETERS.items() if parameter.type is str)
        properties = {**dict.fromkeys(texts, ""), **properties}
    if issubclass(executor, base_beam_executor.BaseBeamExecutor):
        context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=list(beam), tmp_dir="", unique_id="1")
    else:
        context = base_executor.BaseExecutor.Context(tmp_dir="", unique_id="1")
    published = {name: [output] for name, output in outputs.items()}
    executor(context).Do({name: [artifact] for name, artifact in inputs.items()}, published, properties)
    return [artifact for artifacts in published.values() for artifact in artifacts]


def _is_component(stage: Any) -> bool:
    return isinstance(stage, type) and issubclass(stage, base_component.BaseComponent)


def make_statistics(
    made: types.Artifact, spec: Spec, folder: pathlib.Path, options: str = "{}", cache: str = ""
) -> types.Artifact:
    """Returns the statistics of Examples by the project's StatisticsGen."""
    statistics = artifact(standard_artifacts.ExampleStatistics, folder)
    parameters = {"spec": spec.to_json(), "statistics_options": options, "cache": cache}
    run(StatisticsGen, {"examples": made}, {"statistics": statistics}, **parameters)
    return statistics


def read_statistics(statistics: types.Artifact, split: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns what a statistics artifact holds of a split."""
    path = pathlib.Path(statistics.uri, f"Split-{split}", "FeatureStats.pb")
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())


def features(
    statistics: types.Artifact, split: str, dataset: int = 0
) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    """Returns a split's statistics by column."""
    return {feature.path.step[0]: feature for feature in read_statistics(statistics, split).datasets[dataset].features}

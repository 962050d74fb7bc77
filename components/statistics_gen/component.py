"""StatisticsGen: TFDV's statistics of all splits, as the stock artifact, so that every stock component reads it."""

import json
import os
import time
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import pyarrow.parquet as pq
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.statistics_gen import executor as stock
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components.base import beam_errors, stage_report
from components.statistics_gen import accumulator_cache, statistics_pipeline
from core import examples as examples_lib
from core.errors import UserError
from core.examples import RowGroup
from core.spec import Spec


class Executor(base_beam_executor.BaseBeamExecutor):
    """Computes the statistics of every split."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Writes `Split-NAME/FeatureStats.pb` for every split of the examples.

        Raises:
            UserError: a split has no rows, or a row has no weight.
        """
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        spec = Spec.from_json(exec_properties["spec"])
        properties = json.loads(exec_properties["options"])
        options, cache = statistics_pipeline.Options.of(spec, properties), properties.get("cache")
        splits = artifact_utils.decode_split_names(examples.split_names)
        row_groups = {split: _row_groups(examples, split) for split in splits}
        columns = pq.read_schema(row_groups[splits[0]][0].file).names
        begun = time.time()
        with beam_errors.unwrapped(), self._make_beam_pipeline() as pipeline:
            computed = statistics_pipeline.compute(pipeline, row_groups, columns, options, cache)
            _ = computed | "Write" >> beam.Map(_write, statistics.uri)
        if cache:
            accumulator_cache.purge(cache, begun)
        statistics.split_names = artifact_utils.encode_split_names(splits)
        statistics.span = examples.span
        rows = {split: sum(each.rows for each in groups) for split, groups in row_groups.items()}
        _record(statistics, splits, rows, _reused_cells(pipeline) // len(columns))


def _reused_cells(pipeline: beam.Pipeline) -> int:
    query = beam.metrics.MetricsFilter().with_name(statistics_pipeline.REUSED_CELLS)
    return sum(int(each.committed) for each in pipeline.result.metrics().query(query)["counters"])


def _row_groups(examples: types.Artifact, split: str) -> Sequence[RowGroup]:
    groups = examples_lib.row_groups(artifact_utils.get_split_uri([examples], split))
    if not groups:
        raise UserError(
            f"Split {split!r} has no rows, and every split needs some. Give it a larger fraction by "
            "`split: {fractions: ...}` in the configuration, or add data."
        )
    return groups


def _write(split_and_statistics: tuple[str, bytes], uri: str) -> None:
    split, serialized = split_and_statistics
    io_utils.write_bytes_file(os.path.join(uri, f"Split-{split}", stock.DEFAULT_FILE_NAME), serialized)


def _record(artifact: types.Artifact, splits: Sequence[str], rows: dict[str, int], reused: int) -> None:
    """Says how much there is, how much of it was known, and where most is missing."""
    path = os.path.join(artifact.uri, f"Split-{splits[0]}", stock.DEFAULT_FILE_NAME)
    with open(path, "rb") as file:
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets[0]
    missing = {".".join(each.path.step): _missing(each) / statistics.num_examples for each in statistics.features}
    worst = max(missing, key=lambda name: missing[name])
    finding = f"{len(missing):,} columns over {sum(rows.values()):,} rows"
    if reused:
        finding += f", {reused:,} of them known"
    if missing[worst]:
        finding += f" · most missing: {worst[:40]} {missing[worst]:.1%}"
    report = {name: round(part, 4) for name, part in sorted(missing.items(), key=lambda each: -each[1])[:20] if part}
    stage_report.record(artifact, finding, rows=rows, reused_rows=reused, columns=len(missing), missing=report)


def _missing(feature: statistics_pb2.FeatureNameStatistics) -> int:
    kind = feature.WhichOneof("stats")
    return int(getattr(feature, kind).common_stats.num_missing) if kind else 0


class StatisticsGenSpec(component_spec.ComponentSpec):  # type: ignore[misc]
    """What StatisticsGen takes and gives."""

    PARAMETERS = {
        "spec": component_spec.ExecutionParameter(type=str),
        "options": component_spec.ExecutionParameter(type=str),
        "fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics)}


class StatisticsGen(base_beam_component.BaseBeamComponent):  # type: ignore[misc]
    """The statistics of every split.

    Args:
        examples: the Examples, as Parquet.
        spec: `Spec.to_json()`.
        options: JSON of `quantiles`, `top_values`, `slices` and `cache`, all optional. `cache` is a folder that keeps
            what was gathered of each file: of a new span only its own files are read.
        fingerprint: changes when the code does.
    """

    SPEC_CLASS = StatisticsGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, examples: types.BaseChannel, spec: str, options: str = "{}", fingerprint: str = "") -> None:
        statistics = types.Channel(type=standard_artifacts.ExampleStatistics)
        super().__init__(
            StatisticsGenSpec(
                examples=examples, spec=spec, options=options, fingerprint=fingerprint, statistics=statistics
            )
        )

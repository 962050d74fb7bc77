"""StatisticsGen: computes TFDV's statistics of every split, as the stock artifact that every stock component reads."""

import os
import time
from collections.abc import Sequence

import apache_beam as beam
import pyarrow.parquet as pq
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.statistics_gen import executor as stock
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from components.base import beam_errors, stage_report
from components.statistics_gen import accumulator_cache, statistics_pipeline
from components.statistics_gen.stats_accumulator import GeneratorOptions
from core import examples as examples_payload
from core.config.sections import Statistics
from core.errors import UserError
from core.examples import RowGroup
from core.spec import Spec


@component(use_beam=True)
def StatisticsGen(
    examples: InputArtifact[standard_artifacts.Examples],
    statistics: OutputArtifact[standard_artifacts.ExampleStatistics],
    spec: Parameter[str],
    statistics_options: Parameter[str],
    cache: Parameter[str],
    fingerprint: Parameter[str],
    pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes `Split-NAME/FeatureStats.pb` for every split of the examples.

    Args:
        examples: the Examples, as Parquet.
        statistics: the output.
        spec: `Spec.to_json()`.
        statistics_options: the section `Statistics` as JSON.
        cache: a folder that keeps the accumulators of each file, so that only the files of a new span are read; empty
            for none.
        fingerprint: makes TFX's cache depend on the code.
        pipeline: the Beam pipeline.

    Raises:
        UserError: a split has no rows, or a row has no weight.
    """
    options = GeneratorOptions.of(Spec.from_json(spec), Statistics.model_validate_json(statistics_options))
    splits = artifact_utils.decode_split_names(examples.split_names)
    row_groups = {split: _row_groups(examples, split) for split in splits}
    columns = pq.read_schema(row_groups[splits[0]][0].file).names
    begun = time.time()
    with beam_errors.unwrapped(), pipeline:
        computed = statistics_pipeline.compute(pipeline, row_groups, columns, options, cache or None)
        _ = computed | "Write" >> beam.Map(_write, statistics.uri)
    if cache:
        accumulator_cache.purge(cache, begun)
    statistics.split_names = artifact_utils.encode_split_names(splits)
    statistics.span = examples.span
    rows = {split: sum(row_group.rows for row_group in groups) for split, groups in row_groups.items()}
    _record(statistics, splits, rows, _reused_cells(pipeline) // len(columns))


def _reused_cells(pipeline: beam.Pipeline) -> int:
    query = beam.metrics.MetricsFilter().with_name(statistics_pipeline.REUSED_CELLS)
    return sum(int(counter.committed) for counter in pipeline.result.metrics().query(query)["counters"])


def _row_groups(examples: types.Artifact, split: str) -> Sequence[RowGroup]:
    groups = examples_payload.row_groups(artifact_utils.get_split_uri([examples], split))
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
    """Reports the number of columns and rows, how many rows came from the cache, and the column with most missing."""
    path = os.path.join(artifact.uri, f"Split-{splits[0]}", stock.DEFAULT_FILE_NAME)
    with open(path, "rb") as file:
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets[0]
    missing = [
        (".".join(feature.path.step), _missing(feature) / statistics.num_examples) for feature in statistics.features
    ]
    most = sorted(missing, key=lambda name_and_share: -name_and_share[1])[:20]
    line = f"{len(missing):,} columns over {sum(rows.values()):,} rows"
    if reused:
        line += f", {reused:,} of them from the cache"
    if most[0][1]:
        line += f" · most missing: {most[0][0][:40]} {most[0][1]:.1%}"
    report = {name: round(share, 4) for name, share in most if share}
    stage_report.record(artifact, line, rows=rows, reused_rows=reused, columns=len(missing), missing=report)


def _missing(feature: statistics_pb2.FeatureNameStatistics) -> int:
    kind = feature.WhichOneof("stats")
    return int(getattr(feature, kind).common_stats.num_missing) if kind else 0

"""StatisticsGen: all of TFDV's statistics of all splits in one Beam pass that carries references to row groups.

TFDV's own generators see a whole row group at a time, and only their small accumulators travel between workers.
What comes out is the stock artifact, so every stock component reads it.
"""

import dataclasses
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tensorflow_data_validation.statistics import stats_impl, stats_options
from tensorflow_data_validation.utils import slicing_util
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx import types
from tfx.components.statistics_gen import executor as stock
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components import findings
from models import examples as examples_lib
from models import progress
from models.errors import UserError
from models.examples import RowGroup
from models.spec import Spec

_WHOLE_SPLIT = "All Examples"  # TFDV's name of the slice that holds all rows


@dataclasses.dataclass(frozen=True)
class Options:
    """How fine the statistics are.

    Attributes:
        quantiles: how many quantile buckets a number gets.
        top_values: how many of the most frequent values of a category are counted.
        slices: columns, or combinations of columns, by whose values the statistics are split too.
        weight: the column that weighs the rows.
        categorical: the integer columns that are categories.
    """

    quantiles: int = 48
    top_values: int = 10_000
    slices: tuple[tuple[str, ...], ...] = ()
    weight: str | None = None
    categorical: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: Spec, options: dict[str, Any]) -> "Options":
        """Returns options that are fine enough for every feature of the spec."""
        slices = [(each,) if isinstance(each, str) else tuple(each) for each in options.get("slices", ())]
        categorical = [each.name for each in spec.features if each.kind == "categorical" and each.payload == "int"]
        if spec.label.task != "regression" and spec.label.payload == "int":
            categorical.append(spec.label.name)
        return cls(
            quantiles=max(options.get("quantiles", cls.quantiles), *(each.buckets for each in spec.features), 2),
            top_values=max(options.get("top_values", cls.top_values), *(each.vocabulary for each in spec.features), 1),
            slices=tuple(slices),
            weight=spec.weight,
            categorical=tuple(categorical),
        )

    def to_tfdv(self) -> stats_options.StatsOptions:
        """Returns the options as TFDV takes them."""
        schema = schema_pb2.Schema()
        for name in self.categorical:
            schema.feature.add(name=name, type=schema_pb2.INT).int_domain.is_categorical = True
        return stats_options.StatsOptions(
            schema=schema,
            weight_feature=self.weight,
            num_rank_histogram_buckets=self.top_values,
            num_quantiles_histogram_buckets=self.quantiles,
            epsilon=self.epsilon,
        )

    @property
    def epsilon(self) -> float:
        """The largest error of a quantile's rank, as a part of all values."""
        return min(0.01, 1 / (8 * self.quantiles))


Accumulator = dict[str, list[Any]]  # a slice's name: what each generator has gathered


class CombineStatistics(beam.CombineFn):  # type: ignore[misc]
    """Folds row groups into statistics: takes `RowGroup`s, gives a serialised `DatasetFeatureStatisticsList`."""

    def __init__(self, options: Options, total_rows: int) -> None:
        self._options = options
        self._total_rows = total_rows

    def setup(self) -> None:
        """Makes TFDV's generators, which cannot travel."""
        self._generators = stats_impl.get_generators(self._options.to_tfdv(), in_memory=True)
        self._slicers = [slicing_util.get_feature_value_slicer(dict.fromkeys(each)) for each in self._options.slices]
        self._rows = 0
        self._start = time.monotonic()

    def create_accumulator(self) -> Accumulator:
        """Returns what stands for no rows."""
        return {}

    def add_input(self, accumulator: Accumulator, row_group: RowGroup) -> Accumulator:
        """Reads a row group and gives it to all generators."""
        batch = examples_lib.read(row_group)
        for name, rows in self._sliced(batch):
            gathered = accumulator.get(name) or self._empty()
            accumulator[name] = [
                generator.add_input(each, rows) for generator, each in zip(self._generators, gathered, strict=True)
            ]
        self._rows += row_group.rows
        speed = self._rows / max(time.monotonic() - self._start, 1e-3)
        progress.report(f"{self._rows:,} rows, {speed:,.0f} rows/s", self._rows, self._total_rows)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Returns what stands for the rows of all of them."""
        merged: Accumulator = {}
        for accumulator in accumulators:
            for name, gathered in accumulator.items():
                merged[name] = [
                    generator.merge_accumulators([left, right])
                    for generator, left, right in zip(
                        self._generators, merged.get(name) or self._empty(), gathered, strict=True
                    )
                ]
        return merged

    def compact(self, accumulator: Accumulator) -> Accumulator:
        """Makes an accumulator small before it travels."""
        return {
            name: [generator.compact(each) for generator, each in zip(self._generators, gathered, strict=True)]
            for name, gathered in accumulator.items()
        }

    def extract_output(self, accumulator: Accumulator) -> bytes:
        """Returns the statistics, the whole split's first, then each slice's under its name."""
        result = statistics_pb2.DatasetFeatureStatisticsList()
        for name in sorted(accumulator, key=lambda each: (each != _WHOLE_SPLIT, each)):
            statistics = stats_impl.extract_statistics_output(accumulator[name], self._generators)
            dataset = result.datasets.add()
            dataset.MergeFrom(statistics.datasets[0])
            if self._options.slices:
                dataset.name = name
        return result.SerializeToString()

    def _empty(self) -> list[Any]:
        return [generator.create_accumulator() for generator in self._generators]

    def _sliced(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
        yield _WHOLE_SPLIT, batch
        for slicer in self._slicers:
            yield from slicer(batch)


class Executor(base_beam_executor.BaseBeamExecutor):
    """Computes the statistics of every split."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Writes `Split-NAME/FeatureStats.pb` for every split of the examples.

        Raises:
            UserError: a split has no rows.
        """
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        options = Options.of(Spec.from_json(exec_properties["spec"]), json.loads(exec_properties["options"]))
        splits = artifact_utils.decode_split_names(examples.split_names)
        row_groups = {split: _row_groups(examples, split) for split in splits}
        rows = {split: sum(each.rows for each in groups) for split, groups in row_groups.items()}
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | beam.Create([(split, each) for split, groups in row_groups.items() for each in groups])
                | "Spread" >> beam.Reshuffle()
                | beam.CombinePerKey(CombineStatistics(options, sum(rows.values())))
                | beam.Map(_write, statistics.uri)
            )
        statistics.split_names = artifact_utils.encode_split_names(splits)
        statistics.span = examples.span
        _record(statistics, splits, rows)


def _row_groups(examples: types.Artifact, split: str) -> Sequence[RowGroup]:
    groups = examples_lib.row_groups(artifact_utils.get_split_uri([examples], split))
    if not groups:
        raise UserError(
            f"Split {split!r} has no rows, and every split needs some. Give it a larger fraction by "
            f"`split: {{fractions: ...}}` in the configuration, or add data."
        )
    return groups


def _write(split_and_statistics: tuple[str, bytes], uri: str) -> None:
    split, serialized = split_and_statistics
    io_utils.write_bytes_file(os.path.join(uri, f"Split-{split}", stock.DEFAULT_FILE_NAME), serialized)


def _record(artifact: types.Artifact, splits: Sequence[str], rows: dict[str, int]) -> None:
    """Says how much there is and where most is missing."""
    path = os.path.join(artifact.uri, f"Split-{splits[0]}", stock.DEFAULT_FILE_NAME)
    with open(path, "rb") as file:
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets[0]
    missing = {".".join(each.path.step): _missing(each) / statistics.num_examples for each in statistics.features}
    worst = max(missing, key=lambda name: missing[name])
    finding = f"{len(missing):,} columns over {sum(rows.values()):,} rows"
    if missing[worst]:
        finding += f" · most missing: {worst[:40]} {missing[worst]:.0%}"
    report = {name: round(part, 4) for name, part in sorted(missing.items(), key=lambda each: -each[1])[:20] if part}
    findings.record(artifact, finding, rows=rows, columns=len(missing), missing=report)


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
        options: JSON of `quantiles`, `top_values` and `slices`, all optional.
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

"""Accumulates TFDV's statistics over row groups; accumulators can be merged and sent to another worker."""

import dataclasses
import itertools
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa
from tensorflow_data_validation.statistics import stats_impl, stats_options
from tensorflow_data_validation.utils import slicing_util
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.statistics_gen.quantiles_generator import QuantilesGenerator
from core.config.sections import Statistics
from core.errors import UserError
from core.spec import Spec

_WHOLE_SPLIT = "All Examples"  # TFDV's name of the slice that holds all rows

Accumulator = dict[str, list[Any]]  # by slice: the accumulator of each generator


@dataclasses.dataclass(frozen=True)
class GeneratorOptions:
    """The options of TFDV's generators for one run.

    Attributes:
        quantiles: the number of quantile buckets of a numeric feature, beside TFDV's own ten.
        top_values: the number of most frequent values of a category that are counted.
        slices: columns, or combinations of columns, by whose values the statistics are also computed.
        weight: the column of the row weights.
        categorical: the integer columns that are categories.
        numeric: the columns of numeric features and timestamps, and the label of a regression.
    """

    quantiles: int
    top_values: int
    slices: tuple[tuple[str, ...], ...]
    weight: str | None
    categorical: tuple[str, ...]
    numeric: tuple[str, ...]

    @classmethod
    def of(cls, spec: Spec, section: Statistics) -> "GeneratorOptions":
        """Returns the configured options, with at least the buckets and values that each feature needs."""
        features = spec.features
        categorical = [column.name for column in features if (column.kind, column.payload) == ("categorical", "int")]
        if spec.label.task != "regression" and spec.label.payload == "int":
            categorical.append(spec.label.name)
        numeric = tuple(feature.name for feature in features if feature.kind in ("numeric", "timestamp"))
        return cls(
            quantiles=max([section.quantiles, *(feature.buckets for feature in features)]),
            top_values=max([section.top_values, *(feature.vocabulary for feature in features)]),
            slices=section.slices,
            weight=spec.weight,
            categorical=tuple(categorical),
            numeric=(*numeric, spec.label.name) if spec.label.task == "regression" else numeric,
        )

    @property
    def companions(self) -> tuple[str, ...]:
        """The columns that are read with every block: those of the slices and the weight."""
        weight = [self.weight] if self.weight else []
        return tuple(dict.fromkeys([*itertools.chain(*self.slices), *weight]))

    def to_tfdv(self) -> stats_options.StatsOptions:
        """Returns TFDV's options."""
        schema = schema_pb2.Schema()
        for name in self.categorical:
            schema.feature.add(name=name, type=schema_pb2.INT).int_domain.is_categorical = True
        return stats_options.StatsOptions(
            schema=schema,
            weight_feature=self.weight,
            num_rank_histogram_buckets=self.top_values,
            generators=[QuantilesGenerator(self.numeric, self.quantiles)],
        )


class StatsAccumulator:
    """Adds row groups to accumulators by TFDV's generators. Accumulators can be pickled; this object cannot."""

    def __init__(self, options: GeneratorOptions) -> None:
        """Creates the generators."""
        self._sliced = bool(options.slices)
        self._weight = options.weight
        self._categorical = frozenset(options.categorical)
        self._generators = stats_impl.get_generators(options.to_tfdv(), in_memory=True)
        self._slicers = [slicing_util.get_feature_value_slicer(dict.fromkeys(columns)) for columns in options.slices]

    def add(self, accumulator: Accumulator, batch: pa.RecordBatch) -> None:
        """Adds rows to an accumulator.

        Raises:
            UserError: a row has no weight.
        """
        if self._weight and batch.column(self._weight).null_count:
            raise UserError(
                f"Weight column {self._weight!r} is missing in {batch.column(self._weight).null_count:,} of "
                f"{batch.num_rows:,} rows, and every row needs a weight. Fill it in by `data: {{query: ...}}`."
            )
        for name, rows in self._slices(_as_texts(batch, self._categorical)):
            before = accumulator.get(name) or [generator.create_accumulator() for generator in self._generators]
            accumulator[name] = [
                generator.add_input(state, rows) for generator, state in zip(self._generators, before, strict=True)
            ]

    def merge(self, accumulator: Accumulator, other: Accumulator) -> None:
        """Adds another accumulator to the first one."""
        for name, states in other.items():
            if name in accumulator:
                states = [
                    generator.merge_accumulators([left, right])
                    for generator, left, right in zip(self._generators, accumulator[name], states, strict=True)
                ]
            accumulator[name] = states

    def compact(self, accumulator: Accumulator) -> None:
        """Compacts an accumulator before it is sent to another worker."""
        for name, states in accumulator.items():
            accumulator[name] = [
                generator.compact(state) for generator, state in zip(self._generators, states, strict=True)
            ]

    def extract(self, accumulator: Accumulator) -> bytes:
        """Returns a `DatasetFeatureStatisticsList`: the whole split's statistics, then each slice's under its name."""
        result = statistics_pb2.DatasetFeatureStatisticsList()
        for name in sorted(accumulator, key=lambda name: (name != _WHOLE_SPLIT, name)):
            statistics = stats_impl.extract_statistics_output(accumulator[name], self._generators)
            dataset = result.datasets.add()
            dataset.MergeFrom(statistics.datasets[0])
            for feature in dataset.features:
                if feature.path.step[0] in self._categorical:
                    feature.type = statistics_pb2.FeatureNameStatistics.INT
            if self._sliced:
                dataset.name = name
        return bytes(result.SerializeToString())

    def _slices(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
        yield _WHOLE_SPLIT, batch
        for slicer in self._slicers:
            yield from slicer(batch)


def _as_texts(batch: pa.RecordBatch, names: Collection[str]) -> pa.RecordBatch:
    """Returns the rows with some integer columns as decimal digits, which TFDV would convert one by one in Python."""
    columns = batch.columns
    for index, name in enumerate(batch.schema.names):
        if name in names:
            texts = columns[index].values.cast(pa.string()).cast(pa.large_binary())
            columns[index] = pa.LargeListArray.from_arrays(
                columns[index].offsets, texts, mask=columns[index].is_null() if columns[index].null_count else None
            )
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)

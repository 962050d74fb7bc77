"""TFDV's generators over row groups: what they gather can be merged and sent to another worker."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa
from tensorflow_data_validation.statistics import stats_impl, stats_options
from tensorflow_data_validation.utils import slicing_util
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.statistics_gen.quantiles_generator import FineQuantiles
from core.errors import UserError
from core.spec import Spec

_WHOLE_SPLIT = "All Examples"  # TFDV's name of the slice that holds all rows

Accumulator = dict[str, list[Any]]  # a slice's name: what each generator has gathered


@dataclasses.dataclass(frozen=True)
class Options:
    """How fine the statistics are.

    Attributes:
        quantiles: how many quantile buckets a numeric feature gets, beside TFDV's own ten.
        top_values: how many of the most frequent values of a category are counted.
        slices: columns, or combinations of columns, by whose values the statistics are split too.
        weight: the column that weighs the rows.
        categorical: the integer columns that are categories.
        numeric: the columns that are numbers to the model.
    """

    quantiles: int = 48
    top_values: int = 10_000
    slices: tuple[tuple[str, ...], ...] = ()
    weight: str | None = None
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: Spec, options: Mapping[str, Any]) -> "Options":
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
            numeric=tuple(each.name for each in spec.features if each.kind == "numeric"),
        )

    @property
    def companions(self) -> tuple[str, ...]:
        """The columns that are read beside those of any block."""
        names = [each for slice_ in self.slices for each in slice_] + ([self.weight] if self.weight else [])
        return tuple(dict.fromkeys(names))

    def to_tfdv(self) -> stats_options.StatsOptions:
        """Returns the options as TFDV takes them."""
        schema = schema_pb2.Schema()
        for name in self.categorical:
            schema.feature.add(name=name, type=schema_pb2.INT).int_domain.is_categorical = True
        return stats_options.StatsOptions(
            schema=schema,
            weight_feature=self.weight,
            num_rank_histogram_buckets=self.top_values,
            generators=[FineQuantiles(self.numeric, self.quantiles)],
        )


class Gatherer:
    """Folds row groups into statistics by TFDV's generators. Its accumulators travel, it does not."""

    def __init__(self, options: Options) -> None:
        """Makes the generators."""
        self._sliced = bool(options.slices)
        self._weight = options.weight
        self._categorical = frozenset(options.categorical)
        self._generators = stats_impl.get_generators(options.to_tfdv(), in_memory=True)
        self._slicers = [slicing_util.get_feature_value_slicer(dict.fromkeys(each)) for each in options.slices]

    def add(self, accumulator: Accumulator, batch: pa.RecordBatch) -> None:
        """Adds rows to what is gathered.

        Raises:
            UserError: a row has no weight.
        """
        if self._weight and batch.column(self._weight).null_count:
            raise UserError(
                f"Weight column {self._weight!r} is missing in {batch.column(self._weight).null_count:,} of "
                f"{batch.num_rows:,} rows, and every row needs a weight. Fill it in by `data: {{query: ...}}`."
            )
        for name, rows in self._slices(_as_texts(batch, self._categorical)):
            gathered = accumulator.get(name) or self._empty()
            accumulator[name] = [
                generator.add_input(each, rows) for generator, each in zip(self._generators, gathered, strict=True)
            ]

    def merge(self, accumulator: Accumulator, other: Accumulator) -> None:
        """Adds what was gathered elsewhere."""
        for name, gathered in other.items():
            if name in accumulator:
                gathered = [
                    generator.merge_accumulators([left, right])
                    for generator, left, right in zip(self._generators, accumulator[name], gathered, strict=True)
                ]
            accumulator[name] = gathered

    def compact(self, accumulator: Accumulator) -> None:
        """Makes what is gathered small before it travels."""
        for name, gathered in accumulator.items():
            accumulator[name] = [
                generator.compact(each) for generator, each in zip(self._generators, gathered, strict=True)
            ]

    def extract(self, accumulator: Accumulator) -> bytes:
        """Returns a `DatasetFeatureStatisticsList`: the whole split's statistics, then each slice's under its name."""
        result = statistics_pb2.DatasetFeatureStatisticsList()
        for name in sorted(accumulator, key=lambda each: (each != _WHOLE_SPLIT, each)):
            statistics = stats_impl.extract_statistics_output(accumulator[name], self._generators)
            dataset = result.datasets.add()
            dataset.MergeFrom(statistics.datasets[0])
            for feature in dataset.features:
                if feature.path.step[0] in self._categorical:
                    feature.type = statistics_pb2.FeatureNameStatistics.INT
            if self._sliced:
                dataset.name = name
        return bytes(result.SerializeToString())

    def _empty(self) -> list[Any]:
        return [generator.create_accumulator() for generator in self._generators]

    def _slices(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
        yield _WHOLE_SPLIT, batch
        for slicer in self._slicers:
            yield from slicer(batch)


def _as_texts(batch: pa.RecordBatch, names: Collection[str]) -> pa.RecordBatch:
    """Returns the rows with some integer columns as their decimal digits.

    TFDV counts integer categories as texts anyway, but turns one after the other into a text in Python.
    """
    columns = batch.columns
    for index, name in enumerate(batch.schema.names):
        if name in names:
            texts = columns[index].values.cast(pa.string()).cast(pa.large_binary())
            columns[index] = pa.LargeListArray.from_arrays(
                columns[index].offsets, texts, mask=columns[index].is_null() if columns[index].null_count else None
            )
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)

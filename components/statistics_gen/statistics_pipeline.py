"""Computes the statistics of all splits in one Beam pass over references to row groups.

A worker adds the rows of a block, some row groups of some columns, to an accumulator, so its memory holds the
accumulators of one block. A combiner merges the accumulators of a split's blocks of the same columns.
"""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import apache_beam as beam
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.statistics_gen.accumulator_cache import AccumulatorCache
from components.statistics_gen.stats_accumulator import Accumulator, GeneratorOptions, StatsAccumulator
from core import examples, progress
from core.examples import RowGroup

REUSED_CELLS = "reused_cells"  # Beam's counter of rows times columns whose accumulators came from the cache

_BLOCK_ROWS = 1 << 19  # a few seconds of work; an accumulator is far smaller than its rows
_BLOCK_COLUMNS = 128  # a number's accumulators take up to a megabyte

Run = tuple[RowGroup, ...]  # row groups of one file
_Item = TypeVar("_Item")


@dataclasses.dataclass(frozen=True)
class Block:
    """Some rows of some columns.

    Attributes:
        split: the split of the rows.
        group: the number of the group of columns.
        columns: the columns of the statistics.
        runs: the rows, each run of one file: a cache keeps the accumulator of a run.
        whole: whether these are all rows of the split.
    """

    split: str
    group: int
    columns: tuple[str, ...]
    runs: tuple[Run, ...]
    whole: bool


def blocks(row_groups: Mapping[str, Sequence[RowGroup]], columns: Sequence[str]) -> list[Block]:
    """Divides all row groups of each split, and the columns of the table, into blocks."""
    groups = [tuple(columns[start : start + _BLOCK_COLUMNS]) for start in range(0, len(columns), _BLOCK_COLUMNS)]
    result = []
    for split, all_rows in row_groups.items():
        filled = list(_bundles(_runs(all_rows), _rows))
        for number, group in enumerate(groups):
            result += [Block(split, number, group, runs, len(filled) == 1) for runs in filled]
    return result


def _runs(row_groups: Iterable[RowGroup]) -> Iterator[Run]:
    """Yields runs of at most `_BLOCK_ROWS` rows; the end of a run depends on its file alone."""
    for _, group in itertools.groupby(row_groups, lambda row_group: row_group.file):
        yield from _bundles(group, lambda row_group: row_group.rows)


def _bundles(items: Iterable[_Item], rows: Callable[[_Item], int]) -> Iterator[tuple[_Item, ...]]:
    """Yields items in their order, as many together as have at most `_BLOCK_ROWS` rows."""
    bundle: list[_Item] = []
    total = 0
    for item in items:
        if bundle and total + rows(item) > _BLOCK_ROWS:
            yield tuple(bundle)
            bundle, total = [], 0
        bundle.append(item)
        total += rows(item)
    if bundle:
        yield tuple(bundle)


def _rows(run: Iterable[RowGroup]) -> int:
    return sum(row_group.rows for row_group in run)


class AccumulateBlock(beam.DoFn):  # type: ignore[misc]
    """Computes the statistics of blocks.

    Yields (split, (group, columns, statistics)) for a whole block, else ((split, group, columns), accumulator) tagged
    `part`.
    """

    PART = "part"

    def __init__(self, options: GeneratorOptions, total_cells: int, num_columns: int, cache: str | None) -> None:
        """Takes the number of all cells, for the progress; and the folder of the cache."""
        self._options = options
        self._total = total_cells
        self._num_columns = num_columns
        self._folder = cache

    def setup(self) -> None:
        """Creates the generators."""
        self._statistics = StatsAccumulator(self._options)
        self._cache = AccumulatorCache(self._folder, self._options) if self._folder else None
        self._done = 0
        self._start = time.monotonic()

    def process(self, block: Block) -> Iterator[Any]:
        """Accumulates one block; with a cache run by run, as the cache may hold the accumulator of a run."""
        accumulator: Accumulator = {}
        for run in block.runs:
            if self._cache:
                self._statistics.merge(accumulator, self._cached(self._cache, block, run))
            else:
                self._accumulate(accumulator, block, run)
        self._statistics.compact(accumulator)
        if block.whole:
            yield block.split, (block.group, block.columns, self._statistics.extract(accumulator))
        else:
            yield beam.pvalue.TaggedOutput(self.PART, ((block.split, block.group, block.columns), accumulator))

    def _cached(self, cache: AccumulatorCache, block: Block, run: Run) -> Accumulator:
        path = cache.path(block.columns, run)
        if (found := cache.load(path)) is not None:
            cells = _rows(run) * len(block.columns)
            beam.metrics.Metrics.counter("skewless", REUSED_CELLS).inc(cells)
            self._report(cells)
            return found
        accumulator: Accumulator = {}
        self._accumulate(accumulator, block, run)
        self._statistics.compact(accumulator)
        cache.save(path, accumulator)
        return accumulator

    def _accumulate(self, accumulator: Accumulator, block: Block, run: Run) -> None:
        others = [column for column in self._options.companions if column not in block.columns]
        for row_group in run:
            self._statistics.add(accumulator, examples.read(row_group, [*block.columns, *others]))
            self._report(row_group.rows * len(block.columns))

    def _report(self, cells: int) -> None:
        self._done += cells
        rows = self._done // self._num_columns
        speed = rows / max(time.monotonic() - self._start, 1e-3)
        progress.report(f"{rows:,} rows, {speed:,.0f} rows/s", self._done, self._total)


class MergeBlocks(beam.CombineFn):  # type: ignore[misc]
    """Merges the accumulators of a split's blocks into statistics."""

    def __init__(self, options: GeneratorOptions) -> None:
        """Takes the options that the blocks were computed with."""
        self._options = options

    def setup(self) -> None:
        """Creates the generators."""
        self._statistics = StatsAccumulator(self._options)

    def create_accumulator(self) -> Accumulator:
        """Returns the accumulator of no rows."""
        return {}

    def add_input(self, accumulator: Accumulator, block: Accumulator) -> Accumulator:
        """Adds the accumulator of one block."""
        self._statistics.merge(accumulator, block)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Returns one accumulator of several."""
        merged: Accumulator = {}
        for accumulator in accumulators:
            self._statistics.merge(merged, accumulator)
        return merged

    def compact(self, accumulator: Accumulator) -> Accumulator:
        """Compacts an accumulator before it is sent to another worker."""
        self._statistics.compact(accumulator)
        return accumulator

    def extract_output(self, accumulator: Accumulator) -> bytes:
        """Returns the serialised statistics."""
        return self._statistics.extract(accumulator)


def join(parts: Iterable[tuple[int, Sequence[str], bytes]]) -> bytes:
    """Returns the statistics of all groups of columns as one, without those of the companions read with each group.

    Args:
        parts: the number of each group, its columns, and a serialised `DatasetFeatureStatisticsList`.
    """
    result = statistics_pb2.DatasetFeatureStatisticsList()
    for _, columns, serialized in sorted(parts, key=lambda part: part[0]):
        names = frozenset(columns)
        for index, dataset in enumerate(statistics_pb2.DatasetFeatureStatisticsList.FromString(serialized).datasets):
            features = [feature for feature in dataset.features if feature.path.step[0] in names]
            del dataset.features[:]
            if index == len(result.datasets):
                result.datasets.append(dataset)
            result.datasets[index].features.extend(features)
    return bytes(result.SerializeToString())


def compute(
    pipeline: beam.Pipeline,
    row_groups: Mapping[str, Sequence[RowGroup]],
    columns: Sequence[str],
    options: GeneratorOptions,
    cache: str | None = None,
) -> beam.PCollection:
    """Adds the computation of the statistics to a pipeline.

    Args:
        pipeline: the pipeline.
        row_groups: all row groups of each split.
        columns: the columns of the table.
        options: the options of the generators.
        cache: a folder that keeps the accumulators of each file; None for none.

    Returns:
        (split, serialised `DatasetFeatureStatisticsList`).
    """
    cells = sum(map(_rows, row_groups.values())) * len(columns)
    accumulated = (
        pipeline
        | "Blocks" >> beam.Create(blocks(row_groups, columns))
        | "Spread" >> beam.Reshuffle()
        | "Accumulate"
        >> beam.ParDo(AccumulateBlock(options, cells, len(columns), cache)).with_outputs(
            AccumulateBlock.PART, main="whole"
        )
    )
    merged = (
        accumulated[AccumulateBlock.PART]
        | "Merge" >> beam.CombinePerKey(MergeBlocks(options))
        | "Key" >> beam.MapTuple(lambda key, statistics: (key[0], (key[1], key[2], statistics)))
    )
    return (
        (accumulated.whole, merged)
        | "All" >> beam.Flatten()
        | "Columns" >> beam.GroupByKey()
        | "Join" >> beam.MapTuple(lambda split, parts: (split, join(parts)))
    )

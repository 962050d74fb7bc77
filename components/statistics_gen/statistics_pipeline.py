"""The statistics of all splits as one Beam pass that carries references to row groups.

A block, some row groups of some columns, goes to TFDV's generators on one worker; where a split has several blocks of
the same columns, their accumulators meet in a combiner. So a long table is divided by its rows and a wide one by its
columns, and a worker's memory holds the accumulators of one block at a time.
"""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import apache_beam as beam
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.statistics_gen.accumulator_cache import BlockCache
from components.statistics_gen.stats_accumulator import Accumulator, Gatherer, Options
from core import examples, progress
from core.examples import RowGroup

__all__ = ["REUSED_CELLS", "Options", "blocks", "compute"]

REUSED_CELLS = "reused_cells"  # Beam's counter of rows times columns that came out of the cache

_BLOCK_ROWS = 1 << 19  # a few seconds of work; what travels is far smaller than what it was gathered of
_BLOCK_COLUMNS = 128  # a number's accumulators take up to a megabyte

Run = tuple[RowGroup, ...]  # row groups of one file
_Item = TypeVar("_Item")


@dataclasses.dataclass(frozen=True)
class Block:
    """Some rows of some columns.

    Attributes:
        split: the split that they belong to.
        group: the number of the columns' group.
        columns: whose statistics are wanted.
        runs: the rows, each run of one file: a cache keeps what is gathered of a run.
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
        result += [
            Block(split, number, group, runs, len(filled) == 1)
            for number, group in enumerate(groups)
            for runs in filled
        ]
    return result


def _runs(row_groups: Iterable[RowGroup]) -> Iterator[Run]:
    """Yields runs of at most `_BLOCK_ROWS` rows; where one ends depends on nothing but its file."""
    for _, group in itertools.groupby(row_groups, lambda each: each.file):
        yield from _bundles(group, lambda each: each.rows)


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
    return sum(each.rows for each in run)


class GatherBlock(beam.DoFn):  # type: ignore[misc]
    """Gathers the statistics of blocks.

    Gives (split, (group, statistics)) for a block that is whole, and under `part` ((split, group), accumulator).
    """

    PART = "part"

    def __init__(self, options: Options, total_cells: int, num_columns: int, cache: str | None) -> None:
        """Takes how much there is to do in all, to tell how far it has come; and the folder of the cache."""
        self._options = options
        self._total = total_cells
        self._num_columns = num_columns
        self._folder = cache

    def setup(self) -> None:
        """Makes the generators."""
        self._gatherer = Gatherer(self._options)
        self._cache = BlockCache(self._folder, self._options) if self._folder else None
        self._done = 0
        self._start = time.monotonic()

    def process(self, block: Block) -> Iterator[Any]:
        """Gathers one block: run by run where there is a cache, which may hold what a run gives."""
        accumulator: Accumulator = {}
        for run in block.runs:
            if self._cache:
                self._gatherer.merge(accumulator, self._find(self._cache, block, run))
            else:
                self._gather(accumulator, block, run)
        self._gatherer.compact(accumulator)
        if block.whole:
            yield block.split, (block.group, only(self._gatherer.extract(accumulator), block.columns))
        else:
            yield beam.pvalue.TaggedOutput(self.PART, ((block.split, block.group, block.columns), accumulator))

    def _find(self, cache: BlockCache, block: Block, run: Run) -> Accumulator:
        path = cache.path(block.columns, run)
        accumulator = cache.load(path)
        if accumulator is None:
            accumulator = {}
            self._gather(accumulator, block, run)
            self._gatherer.compact(accumulator)
            cache.save(path, accumulator)
            return accumulator
        cells = _rows(run) * len(block.columns)
        beam.metrics.Metrics.counter("skewless", REUSED_CELLS).inc(cells)
        self._report(cells)
        return accumulator

    def _gather(self, accumulator: Accumulator, block: Block, run: Run) -> None:
        columns = [*block.columns, *(each for each in self._options.companions if each not in block.columns)]
        for row_group in run:
            self._gatherer.add(accumulator, examples.read(row_group, columns))
            self._report(row_group.rows * len(block.columns))

    def _report(self, cells: int) -> None:
        self._done += cells
        rows = self._done // self._num_columns
        speed = rows / max(time.monotonic() - self._start, 1e-3)
        progress.report(f"{rows:,} rows, {speed:,.0f} rows/s", self._done, self._total)


class MergeBlocks(beam.CombineFn):  # type: ignore[misc]
    """Puts the accumulators of a split's blocks together, and gives the statistics."""

    def __init__(self, options: Options) -> None:
        """Takes what the blocks were gathered with."""
        self._options = options

    def setup(self) -> None:
        """Makes the generators."""
        self._gatherer = Gatherer(self._options)

    def create_accumulator(self) -> Accumulator:
        """Returns what stands for no rows."""
        return {}

    def add_input(self, accumulator: Accumulator, block: Accumulator) -> Accumulator:
        """Adds one block."""
        self._gatherer.merge(accumulator, block)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Adds several."""
        merged: Accumulator = {}
        for each in accumulators:
            self._gatherer.merge(merged, each)
        return merged

    def compact(self, accumulator: Accumulator) -> Accumulator:
        """Makes it small before it travels."""
        self._gatherer.compact(accumulator)
        return accumulator

    def extract_output(self, accumulator: Accumulator) -> bytes:
        """Returns the serialised statistics."""
        return self._gatherer.extract(accumulator)


def only(serialized: bytes, columns: Iterable[str]) -> bytes:
    """Returns the statistics without those of other columns, which were read to weigh or to slice by."""
    kept = set(columns)
    result = statistics_pb2.DatasetFeatureStatisticsList.FromString(serialized)
    for dataset in result.datasets:
        features = [each for each in dataset.features if each.path.step[0] in kept]
        if len(features) < len(dataset.features):
            del dataset.features[:]
            dataset.features.extend(features)
    return bytes(result.SerializeToString())


def join(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """Returns the statistics of all groups of columns in one."""
    result = statistics_pb2.DatasetFeatureStatisticsList()
    for _, part in sorted(parts, key=lambda each: each[0]):
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(part)
        if not result.datasets:
            result = statistics
            continue
        for dataset, other in zip(result.datasets, statistics.datasets, strict=True):
            dataset.features.extend(other.features)
    return bytes(result.SerializeToString())


def compute(
    pipeline: beam.Pipeline,
    row_groups: Mapping[str, Sequence[RowGroup]],
    columns: Sequence[str],
    options: Options,
    cache: str | None = None,
) -> beam.PCollection:
    """Adds to a pipeline what computes the statistics.

    Args:
        pipeline: the pipeline.
        row_groups: all row groups of each split.
        columns: the columns of the table.
        options: how fine the statistics are.
        cache: a folder that keeps what is gathered of each file.

    Returns:
        (split, serialised `DatasetFeatureStatisticsList`).
    """
    cells = sum(map(_rows, row_groups.values())) * len(columns)
    gathered = (
        pipeline
        | "Blocks" >> beam.Create(blocks(row_groups, columns))
        | "Spread" >> beam.Reshuffle()
        | "Gather"
        >> beam.ParDo(GatherBlock(options, cells, len(columns), cache)).with_outputs(GatherBlock.PART, main="whole")
    )
    merged = (
        gathered[GatherBlock.PART]
        | "Merge" >> beam.CombinePerKey(MergeBlocks(options))
        | "Key" >> beam.MapTuple(lambda key, statistics: (key[0], (key[1], only(statistics, key[2]))))
    )
    return (
        (gathered.whole, merged)
        | "All" >> beam.Flatten()
        | "Columns" >> beam.GroupByKey()
        | "Join" >> beam.MapTuple(lambda split, parts: (split, join(parts)))
    )

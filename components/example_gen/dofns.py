"""Defines the steps of ExampleGen's Beam pipelines: workers import Beam and DuckDB, and neither TFX nor TensorFlow."""

import dataclasses
import functools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam

from core import progress
from ingest.sql import quantiles
from ingest.work_units import Plan, Unit, UnitReader


class WriteUnit(beam.DoFn):  # type: ignore[misc]
    """Reads a unit and writes its rows to the splits."""

    def __init__(self, plan: Plan, uri: str, size: int, threads: int | None) -> None:
        self._plan = plan
        self._uri = uri
        self._size = size
        self._threads = threads

    def setup(self) -> None:
        """Starts to measure the time and the rows of this worker."""
        self._begun = time.monotonic()
        self._bytes = self._rows = 0

    def process(self, unit: Unit) -> Iterator[dict[str, Any]]:
        """Yields what became of the unit's rows: `Counts` as JSON."""
        with UnitReader(self._plan, unit, self._threads) as reader:
            counts = reader.write(self._uri, functools.partial(self._report, unit))
        self._bytes += unit.size
        self._rows += sum(counts.splits.values())
        yield dataclasses.asdict(counts)

    def _report(self, unit: Unit, done: int, total: int) -> None:
        rows = self._rows + done
        speed = rows / max(time.monotonic() - self._begun, 1e-3)
        share = self._bytes + unit.size * min(1.0, done / max(total, 1))
        progress.report(f"{rows:,} rows, {speed:,.0f} rows/s", share, self._size)


def extent(unit: Unit, plan: Plan) -> list[float] | None:
    """Returns the least and the greatest time of a unit, and how many there are."""
    with UnitReader(plan, unit) as reader:
        found = reader.extent(str(plan.split.column))
    return list(found) if found else None


def histograms(unit: Unit, plan: Plan, intervals: Sequence[quantiles.Interval]) -> list[list[list[float]]]:
    """Returns, for each interval, its buckets with their counts and extents."""
    with UnitReader(plan, unit) as reader:
        found = [reader.histogram(str(plan.split.column), interval) for interval in intervals]
    return [[[index, *dataclasses.astuple(bucket)] for index, bucket in row.items()] for row in found]

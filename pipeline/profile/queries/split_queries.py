"""Queries which split each row is in, as ExampleGen will split the table."""

from collections.abc import Sequence
from typing import Any

from core.config.sections import Split
from ingest.sql import quantiles, splits
from pipeline.profile.queries.table_queries import TableQueries


def split_of_row(queries: TableQueries, split: Split) -> str:
    """Returns the SQL for the split of a row: null where the split column names none.

    Raises:
        UserError: the split is by time, and its column is neither a time nor a number.
    """
    if split.by == "column":
        return splits.named(str(split.column))
    times = _boundaries(queries, split) if split.by == "time" else ()
    return splits.expression(split, queries.types, times)


def _boundaries(queries: TableQueries, split: Split) -> Sequence[float]:
    """Returns the times at which eval and test begin."""
    times = f"(SELECT {splits.time_key(str(split.column), queries.types)} AS key FROM scratch.profiled)"
    ((low, high, count),) = queries.fetch(f"SELECT min(key), max(key), count(key) FROM {times}")
    if not count:
        return ()
    search = quantiles.QuantileSearch(splits.shares(split), low, high, count)
    while search.intervals:
        found = []
        for interval in search.intervals:
            buckets = f"SELECT {quantiles.bucket_sql('key', interval)} AS bucket, count(*), min(key), max(key)"
            rows = queries.fetch(f"{buckets} FROM {times} GROUP BY 1 HAVING bucket IS NOT NULL")
            found.append(quantiles.from_rows([rows]))
        search.take(found)
    return search.boundaries


def split_counts(queries: TableQueries, of_row: str, column: str) -> dict[str, dict[Any, int]]:
    """Returns for each split how many rows each value of a column has, without rows that are in no split."""
    counts: dict[str, dict[Any, int]] = {name: {} for name in splits.NAMES}
    counted = f"SELECT {of_row}, {queries.group(column)}, count(*) FROM scratch.profiled GROUP BY ALL ORDER BY ALL"
    for name, value, rows in queries.fetch(counted):
        if name:
            counts[name][value] = rows
    return counts


def null_in_train(queries: TableQueries, of_row: str, columns: Sequence[str]) -> list[str]:
    """Returns the columns that have no value in train."""
    if not columns:
        return []
    counts = ", ".join(f"count({queries.value(column)})" for column in columns)
    (present,) = queries.fetch(f"SELECT {counts} FROM scratch.profiled WHERE {of_row} = 'train'")
    return [column for column, rows in zip(columns, present, strict=True) if not rows]

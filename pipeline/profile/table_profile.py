"""Collects everything that a run needs to know of its table before it starts."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import ingest
from core.config.sections import Split
from pipeline.config.settings import Settings, set_flag
from pipeline.profile.column_profile import ColumnProfile
from pipeline.profile.queries import split_queries
from pipeline.profile.queries.table_queries import ORDERED, TableQueries, name_in_query
from pipeline.profile.split_inference import infer_split, may_name_splits

MOST_CLASSES_COUNTED = 2_000
_MOST_SPLITS_COUNTED = 50
# The hash of all columns takes a second for a million rows, and every split of so many rows has all classes.
_MOST_ROWS_SPLIT = 200_000
# A random split leaves more values than that out of train in no table that is likely to exist.
_FEW_VALUES = 20
_SAMPLE_ROWS = 50_000
_SAMPLE_CELLS = 10_000_000


@dataclasses.dataclass(frozen=True)
class TableProfile:
    """The statistics of a table, of which rows without a label are left out.

    Attributes:
        name: what messages call the table: its first file.
        source: how to read the table again, without the rows that have no label.
        rows: the number of rows that have a label.
        columns: the profile of each column, in the table's order.
        unlabelled: the number of rows without a label.
        counts: how many rows each value has, of the label and of the columns that may name splits.
        split: how the rows are split.
        split_reason: why.
        split_counts: for each split how many rows each value of the label has; empty where it was not counted.
        subquery: the SQL of the table for the FROM of another query.
        sample: a pyarrow.Table of some rows: the label and the columns that may be features; None without a label.
    """

    name: str
    source: ingest.Source
    rows: int
    columns: Mapping[str, ColumnProfile]
    unlabelled: int = 0
    counts: Mapping[str, Mapping[Any, int]] = dataclasses.field(default_factory=dict)
    split: Split = dataclasses.field(default_factory=Split)
    split_reason: str = ""
    split_counts: Mapping[str, Mapping[Any, int]] = dataclasses.field(default_factory=dict)
    subquery: str = "data"
    sample: Any = None

    def replacing(self, values: Mapping[str, str]) -> str:
        """Returns the flag that reads the table with other values: SQL by column."""
        replaced = ", ".join(f"{value} AS {name_in_query(column)}" for column, value in values.items())
        return set_flag("data", "query", value=f"SELECT * REPLACE ({replaced}) FROM {self.subquery}")


def profile_table(settings: Settings) -> TableProfile:
    """Returns the profile of the table that a configuration names.

    Raises:
        UserError: a file is missing or cannot be read, or the query fails.
    """
    first, *others = settings.data.files
    name = f"{first} and {len(others)} more" if others else first
    as_text = {
        column: "VARCHAR[]" if options.repeated else "VARCHAR"
        for column, options in settings.features.items()
        if "text" in (options.type, options.kind)
    }
    source = ingest.discover(settings.data, as_text)
    with contextlib.closing(TableQueries(source)) as queries:
        if settings.label not in queries.types:  # the first check reports it
            names_only = {column: ColumnProfile(column, queries.types[column], 0, 0) for column in queries.types}
            return TableProfile(name, source, queries.rows, names_only)
        unlabelled = queries.drop_rows_without(settings.label)
        columns = queries.column_profiles(settings.features)
        counts = {settings.label: queries.value_counts(settings.label, MOST_CLASSES_COUNTED)}
        for column in _split_columns(settings, columns):
            counts[column] = queries.value_counts(column, _MOST_SPLITS_COUNTED)
        split, reason = infer_split(settings, columns, counts)
        of_row = _split_of_row(queries, split)
        for column in _null_in_train(queries, split, of_row, columns) if of_row else ():
            columns[column] = dataclasses.replace(columns[column], null_in_train=True)
        countable = queries.rows <= _MOST_ROWS_SPLIT or columns[settings.label].distinct <= MOST_CLASSES_COUNTED
        features = _possible_features(settings, columns)
        return TableProfile(
            name=name,
            source=queries.source_without_null(settings.label) if unlabelled else source,
            rows=queries.rows,
            columns=columns,
            unlabelled=unlabelled,
            counts=counts,
            split=split,
            split_reason=reason,
            split_counts=split_queries.split_counts(queries, of_row, settings.label) if of_row and countable else {},
            subquery=queries.subquery(),
            sample=queries.sample([*features, settings.label], min(_SAMPLE_ROWS, _SAMPLE_CELLS // (len(features) + 1))),
        )


def _split_of_row(queries: TableQueries, split: Split) -> str | None:
    """Returns the SQL for the split of a row; None where it takes long, or a check reports the split's column."""
    if split.column and split.column not in queries.types:
        return None
    return split_queries.split_of_row(queries, split) if split.column or queries.rows <= _MOST_ROWS_SPLIT else None


def _null_in_train(
    queries: TableQueries, split: Split, of_row: str, columns: Mapping[str, ColumnProfile]
) -> Sequence[str]:
    rare = _FEW_VALUES if split.by == "hash" else queries.rows
    asked = [name for name, column in columns.items() if 0 < column.present < min(rare, column.rows)]
    return split_queries.null_in_train(queries, of_row, asked)


def _split_columns(settings: Settings, columns: Mapping[str, ColumnProfile]) -> list[str]:
    """Returns the columns that name the split of a row, or may do so."""
    if "split" in settings.model_fields_set:
        return [name for name in columns if settings.split.by == "column" and name == settings.split.column]
    return [name for name, column in columns.items() if name != settings.label and may_name_splits(column)]


def _possible_features(settings: Settings, columns: Mapping[str, ColumnProfile]) -> list[str]:
    """Returns the columns with one ordered value a row that the configuration does not leave out."""
    unnamed = settings.other_columns
    kinds = {name: options.kind for name, options in settings.features.items()} | {settings.label: "ignore"}
    ordered = [name for name, column in columns.items() if column.type_class in ORDERED and name != settings.weight]
    return [name for name in ordered if kinds.get(name, unnamed) != "ignore"]

"""Checks the split: its column, and the rows and classes of train, eval and test."""

import math
from collections.abc import Iterator

from core.text import did_you_mean, listing
from ingest.sql import splits
from pipeline.config.settings import Settings, set_flag
from pipeline.profile.label_inference import class_rows
from pipeline.profile.split_inference import SPLIT_OF, split_named
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile

_FEWEST_ROWS_PER_SPLIT = 3


def split_column_is_usable(settings: Settings, table: TableProfile, _: Inferred) -> Iterator[str]:
    """Checks that the split column has a value in every row, and times or names of splits where these are needed."""
    split = settings.split
    if split.column is None:
        return
    column = table.columns[split.column]
    if split.by != "hash" and column.present < column.rows:
        yield (
            f"the split column `{column.name}` is missing in {column.rows - column.present:,} of {column.rows:,} rows. "
            "Fill or filter these rows in data.query."
        )
    if split.by == "time":
        splits.time_key(column.name, {column.name: column.type})
    if split.by == "column":
        for value, rows in table.counts[column.name].items():
            if not split_named(value):
                yield (
                    f"the split column `{column.name}` holds {str(value)!r} ({rows:,} rows)."
                    f"{did_you_mean(str(value), SPLIT_OF)} Expected: train, eval or test. Correct it in data.query."
                )
        absent = [name for name in splits.NAMES if name not in map(split_named, table.counts[column.name])]
        if absent:
            names = " and ".join(absent)
            yield f"the split column `{column.name}` has no row of {names}. All of train, eval and test need rows."


def enough_rows_to_split(settings: Settings, table: TableProfile, _: Inferred) -> Iterator[str]:
    """Checks that the smallest split can be expected to get some rows."""
    split = settings.split
    if split.by == "column":
        return
    units = table.columns[split.column].distinct if split.column else table.rows
    least = min(split.fractions.train, split.fractions.eval, split.fractions.test)
    if units * least < _FEWEST_ROWS_PER_SPLIT:
        what = f"different values of `{split.column}`" if split.column else "rows"
        flag = "--set 'split.fractions={train: 0.6, eval: 0.2, test: 0.2}'"
        larger = "" if least >= 0.2 else f", or larger fractions: {flag}"
        yield (
            f"{units:,} {what} are too few for a split of {least:g}: at least "
            f"{math.ceil(_FEWEST_ROWS_PER_SPLIT / least)} were expected. Use more data{larger}"
        )


def splits_have_rows(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that every split has rows, and train has rows of every class."""
    for split, counts in table.split_counts.items():
        if not counts:
            yield f"the {split} split has no rows {_split_sizes(settings, table)}"
    absent = _absent_classes(table, inferred).get("train")
    if absent:
        yield f"the train split has no row of the class {listing(absent)} {_split_sizes(settings, table)}"


def splits_have_all_classes(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Warns of classes that eval or test lacks."""
    for split, absent in _absent_classes(table, inferred).items():
        yield f"The {split} split has no row of the class {listing(absent)} {_split_sizes(settings, table)}"


def _absent_classes(table: TableProfile, inferred: Inferred) -> dict[str, list[str]]:
    """Returns for each split that lacks classes of the table the classes that it lacks, as messages show them."""
    absent = {}
    for split, counts in table.split_counts.items() if inferred.label.class_rows else ():
        present = class_rows(counts)
        absent[split] = [repr(name) for name in inferred.label.class_rows if name not in present]
    return {split: names for split, names in absent.items() if names}


def _split_sizes(settings: Settings, table: TableProfile) -> str:
    """Returns the end of a message about a split that lacks rows: the rows of each split, and what to do."""
    sizes = ", ".join(f"{sum(counts.values()):,} {split}" for split, counts in table.split_counts.items())
    seed = ", or split another way: --set split.seed=1" if settings.split.by in ("hash", "group") else ""
    return f"(rows: {sizes}). Use more data, or larger fractions{seed}"


def trends_end_with_train(settings: Settings, _: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Yields a warning where the moments of eval and test are a feature and later than those of train."""
    column = settings.split.column
    if settings.split.by == "time" and column in inferred.features:
        yield (
            f"The split is by time, and `{column}` is also a feature: eval and test are later than train, and a trend "
            f"beyond the range of train cannot be learned. To leave the column out: "
            f"{set_flag('features', column, value='ignore')}"
        )

"""Infers how rows are split from a column that names the split of each row. Pure functions."""

from collections.abc import Mapping
from typing import Any

from core.config.sections import Split
from ingest.sql.splits import ALIASES, NAMES
from pipeline.config.settings import Settings
from pipeline.profile.column_profile import ColumnProfile

SPLIT_OF = {alias: split for split, aliases in ALIASES.items() for alias in aliases}


def may_name_splits(column: ColumnProfile) -> bool:
    """Returns whether a column has as many texts as there are splits, and one in every row."""
    return column.type_class == "text" and column.distinct == len(NAMES) and column.present == column.rows


def infer_split(
    settings: Settings, columns: Mapping[str, ColumnProfile], counts: Mapping[str, Mapping[Any, int]]
) -> tuple[Split, str]:
    """Returns how rows are split, and why: by the configuration, or by a column that holds train, eval and test."""
    if "split" in settings.model_fields_set:
        return settings.split, "by the configuration"
    for name, column in columns.items():
        if name != settings.label and may_name_splits(column) and set(counts[name]) == set(NAMES):
            return Split(by="column", column=name), "its values are train, eval and test"
    return settings.split, "by a hash of each row, the same in every run"


def split_named(value: Any) -> str | None:
    """Returns the split that a value of a split column names; None where it names none."""
    return SPLIT_OF.get(str(value).strip().lower())

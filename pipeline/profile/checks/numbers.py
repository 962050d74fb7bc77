"""Checks the range of numbers, and warns of values that stand far apart from the others."""

from collections.abc import Iterator

import numpy as np

from core.text import listing
from pipeline.config.settings import Settings
from pipeline.profile.checks.correction import Correction
from pipeline.profile.column_profile import short
from pipeline.profile.queries.table_queries import name_in_query
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile
from pipeline.profile.target_leakage import label_values

# A label is extreme that is so many times farther from the middle 90 % than these are from one another.
_EXTREME = 100
_KEPT = 10


def numbers_fit_float32(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that the numbers of the label, the weight and the features are finite, as float32 holds them."""
    numbers = [column for column, role in inferred.features.items() if role.payload != "text"]
    for name in filter(None, [settings.label, settings.weight, *numbers]):
        column, value = table.columns[name], name_in_query(name)
        if column.too_large is not None:
            flag = table.replacing({name: f"CASE WHEN abs({value}) < 3.4e38 THEN {value} END"})
            remedy = "" if column.type_class == "list" else f", or take such values for missing: {flag}"
            yield (
                f"`{name}` has the value {column.too_large:g}, and finite numbers up to 3.4e+38 were expected. "
                f"Correct the data{remedy}"
            )


def numbers_are_no_sentinels(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[Correction]:
    """Warns of numbers that may stand for missing values, with the query that takes them for missing."""
    names = [column for column, role in inferred.features.items() if role.kind == "numeric"]
    if inferred.label.task == "regression":
        names.append(settings.label)
    found = {name: table.columns[name].sentinels for name in names if table.columns[name].sentinels}
    if found:
        values = [
            f"{short(value)} in {rows:,} rows of `{name}`" for name in found for value, rows in found[name].items()
        ]
        replaced = {}
        for name in found:
            replaced[name] = name_in_query(name)
            for value in found[name]:
                replaced[name] = f"nullif({replaced[name]}, {value!r})"
        yield Correction(
            f"Some numbers stand far apart from all others, and may mean a missing value: {listing(values, 8)}. "
            "To read them so",
            replaced,
        )


def label_has_no_extremes(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[Correction]:
    """Warns of a label with extreme values, on which the squared error depends more than on all other rows."""
    column = table.columns[settings.label]
    if inferred.label.task != "regression" or column.sentinels:
        return
    low, high = np.quantile(label_values(table.sample[settings.label], "regression"), [0.05, 0.95]).tolist()
    extreme = column.high if column.high - high > low - column.low else column.low
    if max(column.high - high, low - column.low) > _EXTREME * (high - low) > 0:
        name, margin = name_in_query(settings.label), _KEPT * (high - low)
        kept = f"CASE WHEN {name} BETWEEN {low - margin:.6g} AND {high + margin:.6g} THEN {name} END"
        yield Correction(
            f"The label `{settings.label}` has the extreme value {short(extreme)}, and 9 of 10 values are from "
            f"{short(low)} to {short(high)}: a few rows decide the training and the metrics. "
            "To leave such rows out",
            {settings.label: kept},
        )

"""Warns of values that differ by their spelling only, with the query that merges them."""

from collections.abc import Iterator, Sequence

from core.text import listing
from pipeline.config.settings import Settings
from pipeline.profile.checks.correction import Correction
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile

_MOST_SHOWN = 8


def values_are_spelled_alike(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[Correction]:
    """Warns of categories, and of classes that the configuration does not name, that differ by their spelling only."""
    columns = [column for column, role in inferred.features.items() if role.kind == "categorical"]
    if inferred.label.task != "regression" and not settings.classes:
        columns.insert(0, settings.label)
    yield from merging(settings, table, columns)


def merging(settings: Settings, table: TableProfile, columns: Sequence[str]) -> Iterator[Correction]:
    """Yields a correction of the values of columns that differ by their spelling only, if there are any."""
    found = {column: spellings for column in columns if (spellings := table.columns[column].spellings)}
    if found:
        alike = [
            f"{listing([repr(value) for value in values], 5)} in `{column}`"
            for column, spellings in found.items()
            for values in spellings.groups.values()
        ]
        merged = {
            column: spellings.as_classes(settings.classes) if column == settings.label else spellings.merged
            for column, spellings in found.items()
        }
        more = f" and {len(alike) - _MOST_SHOWN} more" if len(alike) > _MOST_SHOWN else ""
        yield Correction(
            "Some values differ by case, blanks, full stops or Unicode form only, and count as different: "
            f"{'; '.join(alike[:_MOST_SHOWN])}{more}. To merge them",
            merged,
        )

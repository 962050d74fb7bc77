"""Warns of features that may not be what they seem."""

from collections.abc import Iterator

import ingest
from core.text import listing
from pipeline.config.settings import Settings, set_flag
from pipeline.profile.role_inference import NEW
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile
from pipeline.profile.target_leakage import leaking_features


def columns_are_named(_: Settings, __: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Warns of columns that a resolved configuration does not name."""
    new = [f"`{column}`" for column, role in inferred.roles.items() if role == NEW]
    if new:
        yield f"New columns are ignored: {listing(new)}. To use one: --set features.COLUMN=ROLE"


def train_has_values(_: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Warns of features that the configuration names and train has no value of."""
    empty = [column for column in inferred.features if table.columns[column].null_in_train]
    if empty:
        flags = " ".join(set_flag("features", column, value="ignore") for column in empty[:5])
        names = listing([f"`{column}`" for column in empty])
        yield f"No row of train has a value of {names}, so nothing is learned from it. To leave it out: {flags}"


def missing_words_are_named(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Warns of texts of CSV files that may stand for missing values."""
    words = {column: table.columns[column].missing_word for column in inferred.features}
    found = {column: word for column, word in words.items() if word}
    if found and ingest.READERS[table.source.format].has_dialect:
        examples = listing([f"{word!r} in `{column}`" for column, word in found.items()], 5)
        given = settings.data.csv.nulls or {}
        by_column = {column: [word] for column, word in found.items()}
        nulls = {**given, **by_column} if isinstance(given, dict) else sorted({*given, *found.values()})
        flag = set_flag("data", "csv", "nulls", value=nulls)
        yield f"Some texts may stand for missing values: {examples}. To read them so: {flag}"


def labels_are_not_given_away(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Warns of features that give the label away."""
    ordered = {
        column: role.kind in ("numeric", "timestamp") for column, role in inferred.features.items() if not role.repeated
    }
    assert inferred.label.task is not None
    for feature, how in leaking_features(table.sample, settings.label, inferred.label.task, ordered).items():
        yield (
            f"`{feature}` may give away the label `{settings.label}`: {how}. If it is not known when predictions are "
            f"made, leave it out: {set_flag('features', feature, value='ignore')}"
        )

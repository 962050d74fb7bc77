"""Checks a table, its label, its split and its roles before a run starts.

A check is a function of the settings, the table's profile and what was inferred. It yields its problems, or raises the
UserError of a lower layer. The first problem of `CHECKS`, in their order, ends the run; those of `WARNINGS` are shown.
"""

from collections.abc import Callable, Iterator

from core.errors import UserError
from pipeline.config.settings import Settings
from pipeline.profile.checks import columns, features, labels, numbers, reading, roles, spellings, splits, texts
from pipeline.profile.checks.correction import Correction, Message
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile

Check = Callable[[Settings, TableProfile, Inferred], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    columns.columns_exist,
    columns.rows_exist,
    columns.features_have_values,
    numbers.numbers_fit_float32,
    labels.label_varies,
    labels.label_fits_task,
    labels.gates_fit_task,
    labels.class_weights_need_classes,
    labels.classes_are_named,
    labels.classes_have_rows,
    labels.binary_has_two_classes,
    columns.weight_is_usable,
    splits.split_column_is_usable,
    splits.enough_rows_to_split,
    roles.roles_fit_columns,
    columns.features_exist,
    splits.splits_have_rows,
)

WARNINGS: tuple[Callable[[Settings, TableProfile, Inferred], Iterator[Message]], ...] = (
    reading.blanks_are_named,
    reading.columns_of_folders_are_named,
    reading.columns_of_one_name_are_renamed,
    spellings.values_are_spelled_alike,
    labels.configured_classes_have_rows,
    splits.splits_have_all_classes,
    splits.trends_end_with_train,
    labels.rows_have_labels,
    features.columns_are_named,
    features.train_has_values,
    features.missing_words_are_named,
    features.labels_are_not_given_away,
    texts.texts_are_no_numbers_or_dates,
    numbers.numbers_are_no_sentinels,
    numbers.label_has_no_extremes,
)


def run_checks(settings: Settings, table: TableProfile, inferred: Inferred) -> None:
    """Raises a UserError for the first problem of `CHECKS`."""
    for check in CHECKS:
        for problem in check(settings, table, inferred):
            raise UserError(f"{table.name}: {problem}")


def warnings(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Yields the problems of `WARNINGS` of a table that has passed its checks, and one query that corrects them all."""
    corrections = []
    for check in WARNINGS:
        for message in check(settings, table, inferred):
            if isinstance(message, Correction):
                corrections.append(message)
                yield message.advice(table)
            else:
                yield message
    if len(corrections) > 1:
        values = {column: sql for correction in corrections for column, sql in correction.values.items()}
        yield Correction("To correct all of these at once", values).advice(table)

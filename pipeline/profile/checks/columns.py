"""Checks the columns that the configuration names, and those that the model gets."""

import itertools
from collections.abc import Iterable, Iterator

from core.text import did_you_mean, listing
from pipeline.config.settings import Settings, set_flag
from pipeline.profile.checks.correction import advice
from pipeline.profile.checks.texts import reading
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import TableProfile


def columns_exist(settings: Settings, table: TableProfile, _: Inferred) -> Iterator[str]:
    """Checks that the table has every column that the configuration names."""
    source = "the query's result" if settings.data.query else "the table"
    for field, column in _named_columns(settings):
        if column not in table.columns:
            yield (
                f"{field} names the column `{column}`, which is not in {source}."
                f"{did_you_mean(column, table.columns)} Its columns: {listing(list(table.columns))}."
            )


def _named_columns(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yields each column that the configuration names: field, column."""
    single = {"label": settings.label, "weight": settings.weight, "split.column": settings.split.column}
    yield from ((field, column) for field, column in single.items() if column)
    lists: dict[str, Iterable[str]] = {
        "statistics.slices": itertools.chain(*settings.statistics.slices),
        "evaluate.slices": itertools.chain(*settings.evaluate.slices),
        "evaluate.sensitive": itertools.chain(*settings.evaluate.sensitive),
        "card.sensitive_data": settings.card.sensitive_data,
        "features": settings.features,
        "validate.drift.features": settings.validation.drift.features,
        "validate.skew.features": settings.validation.skew.features,
    }
    yield from ((field, column) for field, columns in lists.items() for column in columns)


def rows_exist(settings: Settings, table: TableProfile, _: Inferred) -> Iterator[str]:
    """Checks that the table has a row with a label."""
    if not table.rows and table.unlabelled:
        yield f"the label `{settings.label}` is missing in all {table.unlabelled:,} rows. Name another column as label."
    elif not table.rows:
        what = "the query gives no rows" if settings.data.query else "there are no rows"
        yield f"{what}. A table with rows was expected; look at data.files and data.query."


def features_have_values(_: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that every feature that the configuration names has a value in some row."""
    empty = [column for column in inferred.features if not table.columns[column].present]
    if empty:
        flags = " ".join(set_flag("features", column, value="ignore") for column in empty[:5])
        yield (
            f"no row has a value of {listing([f'`{column}`' for column in empty])}, which the configuration names. "
            f"Correct the data, or leave {'it' if len(empty) == 1 else 'them'} out: {flags}"
        )


def weight_is_usable(settings: Settings, table: TableProfile, _: Inferred) -> Iterator[str]:
    """Checks that the weight is a number in every row, never negative and not always zero."""
    if settings.weight is None:
        return
    weight, place = table.columns[settings.weight], f"the weight `{settings.weight}`"
    if weight.type_class not in ("integer", "float", "boolean"):
        yield f"{place} is {weight.type}, and a number was expected. Name another column, or cast it in data.query."
    elif weight.present < weight.rows:
        yield (
            f"{place} is missing in {weight.rows - weight.present:,} of {weight.rows:,} rows. "
            "Fill it in data.query, such as coalesce(weight, 1)."
        )
    elif weight.low < 0 or not weight.high > 0:
        wrong = f"is negative in some rows, such as {weight.low}" if weight.low < 0 else "is zero in all rows"
        yield f"{place} {wrong}. Weights of at least 0, and some above, were expected."


def features_exist(_: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that at least one column is a feature."""
    if not inferred.features:
        reasons = "; ".join(f"`{column}`: {role.reason}" for column, role in list(inferred.roles.items())[:8])
        texts = [message for column in inferred.roles for message in reading(table, column)]
        yield (
            f"no column is left that the model could learn from ({reasons or 'there is only the label'}). "
            f"Name at least one under features, such as --set features.COLUMN=categorical.{advice(table, texts)}"
        )

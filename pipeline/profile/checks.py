"""What must hold of a table before anything slow begins. Each check raises a UserError that says what to do."""

from collections.abc import Iterable, Iterator, Mapping

import ingest
from core.errors import UserError
from pipeline.config.messages import listing, suggestion
from pipeline.config.settings import Settings, set_flag
from pipeline.profile import role_inference as roles
from pipeline.profile.role_inference import Facts
from pipeline.profile.table_queries import Table


def columns_exist(settings: Settings, table: Table, where: str) -> None:
    """Checks that every column that the configuration names is there."""
    source = "the query's result" if settings.data.query else "the table"
    for field, column in _named(settings):
        if column not in table.columns:
            raise UserError(
                f"{where}: {field} names the column `{column}`, which is not in {source}."
                f"{suggestion(column, table.columns)} Its columns: {listing(list(table.columns))}."
            )


def _named(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "label", settings.label
    if settings.weight:
        yield "weight", settings.weight
    if settings.split.column:
        yield "split.column", settings.split.column
    for section, slices in (("statistics", settings.statistics.slices), ("evaluate", settings.evaluate.slices)):
        yield from ((f"{section}.slices", column) for columns in slices for column in columns)
    yield from (("features", column) for column in settings.features)
    for section, limits in (("drift", settings.validation.drift), ("skew", settings.validation.skew)):
        yield from ((f"validate.{section}.features", column) for column in limits.features)


def drop_unlabelled(settings: Settings, table: Table, where: str) -> int:
    """Takes the rows without a label out of the table and returns how many there were."""
    if not table.rows:
        what = "the query gives no rows" if settings.data.query else "there are no rows"
        raise UserError(f"{where}: {what}. A table with rows was expected; look at data.files and data.query.")
    dropped = table.keep(table.value(settings.label))
    if not table.rows:
        raise UserError(
            f"{where}: the label `{settings.label}` is missing in all {dropped:,} rows. Name another column as label."
        )
    return dropped


def nothing_all_null(settings: Settings, facts: Mapping[str, Facts], where: str) -> None:
    """Checks that every column that is not ignored has a value somewhere."""
    ignored = {column for column, options in settings.features.items() if options.kind == "ignore"}
    empty = [column for column, each in facts.items() if not each.present and column not in ignored]
    if empty:
        flags = " ".join(set_flag("features", column, value="ignore") for column in empty[:5])
        raise UserError(
            f"{where}: no row has a value of {listing([f'`{column}`' for column in empty])}. "
            f"Correct the data, or leave {'it' if len(empty) == 1 else 'them'} out: {flags}"
        )


def weight_is_usable(settings: Settings, table: Table, facts: Mapping[str, Facts], where: str) -> None:
    """Checks that the weight is a number that is there in every row, and never negative."""
    if settings.weight is None:
        return
    each = facts[settings.weight]
    place = f"{where}: the weight `{each.name}`"
    if roles.type_class(each.type) not in ("integer", "float", "boolean"):
        raise UserError(
            f"{place} is {each.type}, and a number was expected. Name another column, or cast it in data.query."
        )
    if each.present < each.rows:
        raise UserError(
            f"{place} is missing in {each.rows - each.present:,} of {each.rows:,} rows. "
            "Fill it in data.query, such as coalesce(weight, 1)."
        )
    if each.low < 0 or not each.high > 0:
        wrong = f"is negative in some rows, such as {each.low}" if each.low < 0 else "is zero in all rows"
        raise UserError(f"{place} {wrong}. Weights of at least 0, and some above, were expected.")


def names_are_served(features: Iterable[str], where: str) -> None:
    """Checks that the arguments of a served model, which TensorFlow names after the features, are all different."""
    taken: dict[str, str] = {}
    for feature in features:
        argument = "".join(letter if letter.isalnum() else "_" for letter in feature)
        other = taken.setdefault(argument if argument[:1].isalpha() else f"arg_{argument}", feature)
        if other != feature:
            raise UserError(
                f"{where}: a served model cannot tell the columns `{other}` and `{feature}` apart: it keeps only the "
                "letters, digits and `_` of a name. Rename one in data.query, such as "
                f"SELECT * RENAME ({ingest.name(feature)} AS other) FROM data."
            )

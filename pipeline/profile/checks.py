"""Checks a table, its label, its split and its roles before a run starts, in the order of `CHECKS`.

A check is a function of the settings, the table's profile and what was inferred. It yields its problems, or raises the
UserError of a lower layer. The first problem ends the run.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ingest
from core.config_sections import FeatureOptions
from core.errors import UserError
from core.text import did_you_mean, listing
from ingest.sql import splits
from models.evaluation import gates
from pipeline.config.settings import Settings, set_flag
from pipeline.profile.label_inference import can_be_classes, class_rows
from pipeline.profile.role_checks import role_problems
from pipeline.profile.split_inference import SPLIT_OF, split_named
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import MOST_CLASSES_COUNTED, TableProfile

Check = Callable[[Settings, TableProfile, Inferred], Iterator[str]]

_FEWEST_ROWS_PER_SPLIT = 3
# Each split needs a row of every class.
_FEWEST_ROWS_PER_CLASS = 3


def run_checks(settings: Settings, table: TableProfile, inferred: Inferred) -> None:
    """Runs all checks in their order and raises a UserError for the first problem."""
    for check in CHECKS:
        for problem in check(settings, table, inferred):
            raise UserError(f"{table.name}: {problem}")


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


def columns_have_values(settings: Settings, table: TableProfile, _: Inferred) -> Iterator[str]:
    """Checks that every column has a value in some row, unless the configuration ignores it."""
    ignored = {column for column, options in settings.features.items() if options.kind == "ignore"}
    empty = [name for name, column in table.columns.items() if not column.present and name not in ignored]
    if empty:
        flags = " ".join(set_flag("features", column, value="ignore") for column in empty[:5])
        yield (
            f"no row has a value of {listing([f'`{column}`' for column in empty])}. "
            f"Correct the data, or leave {'it' if len(empty) == 1 else 'them'} out: {flags}"
        )


def label_varies(settings: Settings, table: TableProfile, _: Inferred) -> Iterator[str]:
    """Checks that the label has at least two different values."""
    counts = table.counts[settings.label]
    if len(counts) < 2:
        yield (
            f"the label `{settings.label}` is constant: all {table.rows:,} rows have {next(iter(counts), None)!r}. "
            "A label needs at least two different values; name another column, or use more data."
        )


def label_fits_task(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that there is a task for the label, and that the configured task fits it."""
    column, place = table.columns[settings.label], f"the label `{settings.label}`"
    if inferred.label.task is None:
        yield f"{place} cannot be learned: {inferred.label.reason}. Derive a class or a number from it in data.query."
    classes = can_be_classes(column) and column.distinct <= MOST_CLASSES_COUNTED
    if settings.task == "regression" and column.type_class not in ("integer", "float", "boolean"):
        example = next(iter(table.counts[settings.label]))
        yield (
            f"{place} holds values such as {example!r} ({column.type}), and task: regression needs numbers. "
            "Cast it in data.query, or take task out of the configuration."
        )
    if settings.task in ("binary", "multiclass") and not classes:
        yield (
            f"{place} has {column.distinct:,} different values of type {column.type}, and task: {settings.task} needs "
            "classes: texts or whole numbers. Derive classes in data.query, or set task: regression."
        )


def gates_fit_task(settings: Settings, _: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that the gates name metrics of the task. It raises the UserError itself."""
    limits: dict[str, Any] = {metric: gate.model_dump() for metric, gate in settings.evaluate.gates.items()}
    assert inferred.label.task is not None
    gates.check(inferred.label.task, limits)
    yield from ()


def classes_are_named(settings: Settings, _: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that the configuration names all classes, if it names any."""
    for name, rows in inferred.label.class_rows.items():
        if settings.classes and name not in settings.classes:
            yield (
                f"the label `{settings.label}` has the class {name!r} ({rows:,} rows), which the configuration's "
                f"classes do not name.{did_you_mean(name, settings.classes)} They are {listing(settings.classes)}. "
                "Add it there, or filter it out in data.query."
            )


def classes_have_rows(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that no class has fewer rows than there are splits."""
    rows = inferred.label.class_rows
    rare = [f"{name!r} ({count:,})" for name, count in rows.items() if count < _FEWEST_ROWS_PER_CLASS]
    if rare and 2 * len(rows) > table.rows:
        yield (
            f"the label `{settings.label}` has {len(rows):,} different values in {table.rows:,} rows: too few rows to "
            "learn them. Name a column whose values repeat, or use more data."
        )
    elif rare:
        yield (
            f"the label `{settings.label}` has classes with fewer than {_FEWEST_ROWS_PER_CLASS} rows: {listing(rare)}. "
            "Train, eval and test need one each. Add rows, or merge or filter these classes in data.query."
        )


def binary_has_two_classes(settings: Settings, _: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that a binary task has two classes."""
    classes = settings.classes or tuple(inferred.label.class_rows)
    if inferred.label.task == "binary" and len(classes) != 2:
        yield (
            f"the label `{settings.label}` has {len(classes)} classes ({listing(classes)}), and the configuration says "
            "task: binary. Take task out of it or set task: multiclass."
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


def roles_fit_columns(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that every column can have the role that the configuration gives to it."""
    for name, role in inferred.features.items():
        options = settings.features.get(name)
        if options is not None and options != FeatureOptions():
            yield from role_problems(table.columns[name], options, role)


def features_exist(_: Settings, __: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that at least one column is a feature."""
    if not inferred.features:
        reasons = "; ".join(f"`{column}`: {role.reason}" for column, role in list(inferred.roles.items())[:8])
        yield (
            f"no column is left that the model could learn from ({reasons or 'there is only the label'}). "
            "Name at least one under features, such as --set features.COLUMN=categorical."
        )


def names_are_served(_: Settings, __: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that the arguments of a served model, which TensorFlow names after the features, are all different."""
    taken: dict[str, str] = {}
    for feature in inferred.features:
        argument = "".join(letter if letter.isalnum() else "_" for letter in feature)
        other = taken.setdefault(argument if argument[:1].isalpha() else f"arg_{argument}", feature)
        if other != feature:
            yield (
                f"a served model cannot tell the columns `{other}` and `{feature}` apart: it keeps only the letters, "
                "digits and `_` of a name. Rename one in data.query, such as "
                f"SELECT * RENAME ({ingest.identifier(feature)} AS other) FROM data."
            )


def splits_have_rows(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that every split has rows, and train has rows of every class."""
    for split, counts in table.split_counts.items():
        if not counts:
            yield f"the {split} split has no rows {split_sizes(settings, table)}"
    absent = absent_classes(table, inferred).get("train")
    if absent:
        yield f"the train split has no row of the class {listing(absent)} {split_sizes(settings, table)}"


def absent_classes(table: TableProfile, inferred: Inferred) -> dict[str, list[str]]:
    """Returns for each split that lacks classes of the table the classes that it lacks, as messages show them."""
    absent = {}
    for split, counts in table.split_counts.items() if inferred.label.class_rows else ():
        present = class_rows(counts)
        absent[split] = [repr(name) for name in inferred.label.class_rows if name not in present]
    return {split: names for split, names in absent.items() if names}


def split_sizes(settings: Settings, table: TableProfile) -> str:
    """Returns the end of a message about a split that lacks rows: the rows of each split, and what to do."""
    sizes = ", ".join(f"{sum(counts.values()):,} {split}" for split, counts in table.split_counts.items())
    seed = ", or split another way: --set split.seed=1" if settings.split.by in ("hash", "group") else ""
    return f"(rows: {sizes}). Use more data, or larger fractions{seed}"


CHECKS: tuple[Check, ...] = (
    columns_exist,
    rows_exist,
    columns_have_values,
    label_varies,
    label_fits_task,
    gates_fit_task,
    classes_are_named,
    classes_have_rows,
    binary_has_two_classes,
    weight_is_usable,
    split_column_is_usable,
    enough_rows_to_split,
    roles_fit_columns,
    features_exist,
    names_are_served,
    splits_have_rows,
)

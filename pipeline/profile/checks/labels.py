"""Checks the label: its values, its task and its classes."""

from collections.abc import Iterator

from core.text import did_you_mean, listing
from models.evaluation import gates
from pipeline.config.settings import Settings
from pipeline.profile.checks import texts
from pipeline.profile.checks.correction import advice
from pipeline.profile.checks.spellings import merging
from pipeline.profile.label_inference import can_be_classes
from pipeline.profile.table_inference import Inferred
from pipeline.profile.table_profile import MOST_CLASSES_COUNTED, TableProfile

# Each split needs a row of every class.
_FEWEST_ROWS_PER_CLASS = 3


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
        yield (
            f"{place} cannot be learned: {inferred.label.reason}. Derive a class or a number from it in "
            f"data.query.{_advice(settings, table)}"
        )
    classes = can_be_classes(column) and column.distinct <= MOST_CLASSES_COUNTED
    if settings.task == "regression" and column.type_class not in ("integer", "float", "boolean"):
        example = next(iter(table.counts[settings.label]))
        yield (
            f"{place} holds values such as {example!r} ({column.type}), and task: regression needs numbers. "
            f"Cast it in data.query, or take task out of the configuration.{_advice(settings, table)}"
        )
    if settings.task in ("binary", "multiclass") and not classes:
        yield (
            f"{place} has {column.distinct:,} different values of type {column.type}, and task: {settings.task} needs "
            "classes: texts or whole numbers. Derive classes in data.query, or set task: regression."
        )


def gates_fit_task(settings: Settings, _: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that the gates name metrics of the task. It raises the UserError itself."""
    assert inferred.label.task is not None
    gates.check(inferred.label.task, settings.evaluate)
    yield from ()


def class_weights_need_classes(settings: Settings, _: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that classes are weighted where there are classes."""
    if settings.train.class_weights and inferred.label.task == "regression":
        yield (
            f"train.class_weights is {settings.train.class_weights}, and the label `{settings.label}` is a number "
            "(task: regression). Take class_weights out, or name a column of weights in `weight`."
        )


def classes_are_named(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that the configuration names all classes, if it names any."""
    for name, rows in inferred.label.class_rows.items():
        if settings.classes and name not in settings.classes:
            yield (
                f"the label `{settings.label}` has the class {name!r} ({rows:,} rows), which the configuration's "
                f"classes do not name.{did_you_mean(name, settings.classes)} They are {listing(settings.classes)}. "
                f"Add it there, or filter it out in data.query.{_advice(settings, table)}"
            )


def classes_have_rows(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that no class has fewer rows than there are splits."""
    rows = inferred.label.class_rows
    rare = [f"{name!r} ({count:,})" for name, count in rows.items() if count < _FEWEST_ROWS_PER_CLASS]
    if rare and 2 * len(rows) > table.rows:
        yield (
            f"the label `{settings.label}` has {len(rows):,} different values in {table.rows:,} rows: too few rows to "
            f"learn them. Name a column whose values repeat, or use more data.{_advice(settings, table)}"
        )
    elif rare:
        yield (
            f"the label `{settings.label}` has classes with fewer than {_FEWEST_ROWS_PER_CLASS} rows: {listing(rare)}. "
            "Train, eval and test need one each. Add rows, or merge or filter these classes in data.query."
            f"{_advice(settings, table)}"
        )


def binary_has_two_classes(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Checks that a binary task has two classes."""
    classes = settings.classes or tuple(inferred.label.class_rows)
    if inferred.label.task == "binary" and len(classes) != 2:
        yield (
            f"the label `{settings.label}` has {len(classes)} classes ({listing(classes)}), and the configuration says "
            f"task: binary. Take task out of it or set task: multiclass.{_advice(settings, table)}"
        )


def _advice(settings: Settings, table: TableProfile) -> str:
    """Returns the queries for a label whose texts differ by their spelling only, or are numbers."""
    return advice(table, [*merging(settings, table, [settings.label]), *texts.reading(table, settings.label)])


def configured_classes_have_rows(settings: Settings, table: TableProfile, inferred: Inferred) -> Iterator[str]:
    """Warns of classes that the configuration names and no row has."""
    for name in settings.classes:
        if name not in inferred.label.class_rows:
            yield f"{table.name}: the label `{settings.label}` has no row of the class {name!r}."


def rows_have_labels(_: Settings, table: TableProfile, __: Inferred) -> Iterator[str]:
    """Warns of rows without a label."""
    if table.unlabelled:
        rows = table.rows + table.unlabelled
        yield f"{table.unlabelled:,} of {rows:,} rows have no label and are left out."

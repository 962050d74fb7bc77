"""Infers the task and the classes from the statistics of the label. Pure functions."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from core.spec import Label, Payload, Task
from pipeline.config.settings import Settings
from pipeline.profile.column_profile import ColumnProfile, short

_FEW_CLASSES = 20
_MOST_CLASSES = 1_000


@dataclasses.dataclass(frozen=True)
class InferredLabel:
    """The task, and the classes of the label.

    Attributes:
        task: what kind of prediction it is; None where no task fits the label.
        reason: why.
        class_rows: the number of rows of each class in the table, in the order of the values; empty for regression.
        payload: regression only: how Examples hold the label.
    """

    task: Task | None
    reason: str
    class_rows: Mapping[str, int] = dataclasses.field(default_factory=dict)
    payload: Payload = "float"


def infer_label(settings: Settings, column: ColumnProfile | None, counts: Mapping[Any, int]) -> InferredLabel:
    """Returns the task and the classes: what the configuration says, and the rest by the label's values."""
    if column is None:
        return InferredLabel(None, "the table has no such column")
    task, reason = infer_task(column, min(counts.values(), default=0))
    if settings.task:
        task, reason = settings.task, "by the configuration"
    rows = class_rows(counts) if task != "regression" and can_be_classes(column) else {}
    return InferredLabel(task, reason, rows)


def infer_task(column: ColumnProfile, rarest: int) -> tuple[Task | None, str]:
    """Returns the task that fits a label whose rarest value has `rarest` rows, and why; None where none fits."""
    inner, distinct = column.type_class, column.distinct
    if inner not in ("integer", "float", "boolean", "text"):
        return None, f"{column.type} is neither a class nor a number"
    if not column.present:
        return None, "no row has a value"
    if distinct == 2 and can_be_classes(column):
        return "binary", "two different values"
    if inner == "text":
        why = f"{distinct:,} different texts"
        if distinct > _MOST_CLASSES:
            return None, f"{why}, and at most {_MOST_CLASSES:,} classes can be told apart"
        return "multiclass", why
    few = distinct <= _FEW_CLASSES and column.high - column.low < 2 * distinct
    if can_be_classes(column) and few and rarest >= 3 and column.present >= 5 * distinct:
        return "multiclass", f"{distinct} different whole numbers, close to one another"
    return "regression", f"numbers from {short(column.low)} to {short(column.high)}"


def can_be_classes(column: ColumnProfile) -> bool:
    """Returns whether the values of a label can be classes: texts, whole numbers, or true and false."""
    return column.type_class in ("integer", "boolean", "text") or (column.type_class == "float" and column.whole)


def class_rows(counts: Mapping[Any, int]) -> dict[str, int]:
    """Returns the number of rows of each class. Numbers are named by their digits, true and false are 1 and 0."""
    return {value if isinstance(value, str) else str(int(value)): rows for value, rows in sorted(counts.items())}


def spec_label(settings: Settings, column: ColumnProfile, label: InferredLabel) -> Label:
    """Returns the label of the spec, once its checks have passed."""
    assert label.task is not None
    if label.task == "regression":
        return Label(column.name, label.task, label.payload)
    payload: Payload = "text" if column.type_class == "text" else "int"
    return Label(column.name, label.task, payload, settings.classes or tuple(label.class_rows))

"""What the label is: the task, the classes in their order, and every reason why it cannot be learned."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from core.errors import UserError
from core.spec import Label, Payload, Task
from models.evaluation import gates
from pipeline.config.messages import listing, suggestion
from pipeline.config.settings import Settings
from pipeline.profile import role_inference as roles
from pipeline.profile.role_inference import Facts
from pipeline.profile.table_queries import Table

# Each split needs a row of every class.
_FEWEST_PER_CLASS = 3
_MOST_COUNTED = 2_000
_FEW_CLASSES = 20
_MOST_CLASSES = 1_000


@dataclasses.dataclass(frozen=True)
class LabelProfile:
    """The label as the stages need it, why it is taken so, and what a person should know."""

    label: Label
    reason: str
    warnings: tuple[str, ...] = ()


def profile(settings: Settings, table: Table, facts: Facts, where: str) -> LabelProfile:
    """Returns what the label is, by the configuration and else by its values.

    Args:
        settings: the configuration.
        table: the table, of which rows without a label are gone.
        facts: what the label's column looks like.
        where: what to call the data in errors.

    Raises:
        UserError: it is constant, has a class that is too rare, or does not fit what the configuration says.
    """
    counts = table.counts(facts.name, _MOST_COUNTED)
    place = f"{where}: the label `{facts.name}`"
    if len(counts) < 2:
        only = next(iter(counts), None)
        raise UserError(
            f"{place} is constant: all {facts.rows:,} rows have {only!r}. A label needs at least two different values; "
            "name another column, or use more data."
        )
    task, reason = _task(settings.task, facts, counts, place)
    _check_gates(settings, task)
    if task == "regression":
        return LabelProfile(Label(facts.name, task, "float"), f"regression: {reason}")
    payload: Payload = "text" if roles.type_class(facts.type) == "text" else "int"
    rows = {class_name(value): count for value, count in sorted(counts.items())}
    classes, warnings = _classes(settings.classes, rows, place)
    _check_rare(rows, place, facts.rows)
    if task == "binary" and len(classes) != 2:
        raise UserError(
            f"{place} has {len(classes)} classes ({listing(classes)}), and the configuration says task: binary. "
            "Take task out of it or set task: multiclass."
        )
    return LabelProfile(Label(facts.name, task, payload, classes), f"{task}: {reason}", warnings)


def class_name(value: Any) -> str:
    """Returns a class as text: a number as its digits, true and false as 1 and 0."""
    return value if isinstance(value, str) else str(int(value))


def guess_task(facts: Facts, rarest: int) -> tuple[Task | None, str]:
    """Returns the task that fits a label, and why; None where none does.

    Args:
        facts: what the label looks like.
        rarest: how many rows the rarest of its values has.
    """
    inner = roles.type_class(facts.type)
    if inner not in ("integer", "float", "boolean", "text"):
        return None, f"{facts.type} is neither a class nor a number"
    if facts.distinct == 2 and (inner != "float" or facts.whole):
        return "binary", "two different values"
    if inner == "text":
        many = facts.distinct > _MOST_CLASSES
        why = f"{facts.distinct:,} different texts"
        return (
            (None, f"{why}, and at most {_MOST_CLASSES:,} classes can be told apart") if many else ("multiclass", why)
        )
    whole = inner == "integer" or facts.whole
    few = facts.distinct <= _FEW_CLASSES and facts.high - facts.low < 2 * facts.distinct
    if whole and few and rarest >= 3 and facts.present >= 5 * facts.distinct:
        return "multiclass", f"{facts.distinct} different whole numbers, close to one another"
    return "regression", f"numbers from {roles.short(facts.low)} to {roles.short(facts.high)}"


def _task(given: Task | None, facts: Facts, counts: Mapping[Any, int], place: str) -> tuple[Task, str]:
    inner = roles.type_class(facts.type)
    guessed, reason = guess_task(facts, min(counts.values()))
    if given is None and guessed is None:
        raise UserError(f"{place} cannot be learned: {reason}. Derive a class or a number from it in data.query.")
    if given == "regression" and inner not in ("integer", "float", "boolean"):
        example = next(iter(counts))
        raise UserError(
            f"{place} holds values such as {example!r} ({facts.type}), and task: regression needs numbers. "
            "Cast it in data.query, or take task out of the configuration."
        )
    if given in ("binary", "multiclass"):
        fractions = inner == "float" and not facts.whole
        if fractions or facts.distinct > _MOST_COUNTED or inner not in ("integer", "float", "boolean", "text"):
            raise UserError(
                f"{place} has {facts.distinct:,} different values of type {facts.type}, and task: {given} needs "
                "classes: texts or whole numbers. Derive classes in data.query, or set task: regression."
            )
    chosen = given or guessed
    assert chosen is not None
    return chosen, reason if given is None else "by the configuration"


def _classes(given: tuple[str, ...], rows: Mapping[str, int], place: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not given:
        return tuple(rows), ()
    for name in rows:
        if name not in given:
            raise UserError(
                f"{place} has the class {name!r} ({rows[name]:,} rows), which the configuration's classes do not name."
                f"{suggestion(name, given)} They are {listing(given)}. Add it there, or filter it out in data.query."
            )
    absent = [name for name in given if name not in rows]
    return given, tuple(f"{place} has no row of the class {name!r}." for name in absent)


def _check_rare(rows: Mapping[str, int], place: str, total: int) -> None:
    rare = [f"{name!r} ({count:,})" for name, count in rows.items() if count < _FEWEST_PER_CLASS]
    if not rare:
        return
    if 2 * len(rows) > total:
        raise UserError(
            f"{place} has {len(rows):,} different values in {total:,} rows: fewer rows than it takes to learn them. "
            "Name a column whose values repeat, or use more data."
        )
    raise UserError(
        f"{place} has classes with fewer than {_FEWEST_PER_CLASS} rows: {listing(rare)}. Train, eval and test need one "
        "each. Add rows, or merge or filter these classes in data.query."
    )


def _check_gates(settings: Settings, task: Task) -> None:
    limits: dict[str, Any] = {metric: gate.model_dump() for metric, gate in settings.evaluate.gates.items()}
    gates.check(task, limits)

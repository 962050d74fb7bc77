"""The role of each column: what the configuration says of it, else what fits, and whether the column can play it."""

import dataclasses

from core.errors import UserError
from core.sections import FeatureOptions, Role
from core.spec import Payload, Unit
from pipeline.config.messages import shown
from pipeline.config.settings import set_flag
from pipeline.profile import role_inference as roles
from pipeline.profile.role_inference import Facts, Guess
from pipeline.profile.table_queries import Table

# What a role can be held as, the best first.
_PAYLOADS: dict[Role, tuple[Payload, ...]] = {
    "numeric": ("float", "int"),
    "categorical": ("text", "int"),
    "text": ("text",),
    "timestamp": ("int",),
    "ignore": ("text", "float", "int"),
}
_WORDS: dict[Payload, str] = {"int": "whole numbers", "float": "numbers", "text": "texts"}

# A serving request holds numbers as float64, in which larger whole numbers run into one another.
_EXACT_DOUBLE = 2**53


def decide(facts: Facts, given: FeatureOptions | None, table: Table, where: str) -> Guess:
    """Returns the role of a column, whole: kind, payload, unit and repeated are settled.

    Args:
        facts: what the column looks like.
        given: what the configuration says of it, if anything.
        table: where the column is.
        where: what to call the data in errors.

    Raises:
        UserError: the column cannot be what the configuration says.
    """
    guess = _exact(roles.guess(facts), facts)
    if given is None or given == FeatureOptions():
        return guess
    kind = given.kind or guess.kind
    if kind == "ignore":
        return dataclasses.replace(guess, kind="ignore", reason="by the configuration" if given.kind else guess.reason)
    inner = roles.type_class(facts.type)
    if inner in ("nested", "binary", "time"):
        raise UserError(f"{_place(facts, where, kind)}, but {roles.guess(facts).reason}. {_ignore(facts)}")
    payload = given.type or _payload(kind, facts)
    if payload not in _PAYLOADS[kind]:
        raise UserError(
            f"features.{facts.name} is {kind} with type {payload}; a {kind} feature has type "
            f"{' or '.join(_PAYLOADS[kind])}. Correct the type or leave it out."
        )
    _check_values(facts, kind, payload, table, where)
    _check_repeated(facts, given, where)
    unit = _unit(facts, given) if kind == "timestamp" else None
    same = (kind, payload) == (guess.kind, guess.payload)
    return Guess(
        kind, payload, guess.reason if same and not given.kind else "by the configuration", unit, inner == "list"
    )


def _exact(guess: Guess, facts: Facts) -> Guess:
    """Takes codes that float64 cannot tell apart for texts."""
    if guess.kind != "categorical" or roles.type_class(facts.type) != "integer" or facts.low is None:
        return guess
    long = max(-facts.low, facts.high) > _EXACT_DOUBLE
    return dataclasses.replace(guess, payload="text") if long else guess


def _payload(kind: Role, facts: Facts) -> Payload:
    """Returns how a column of this type is held in this role."""
    natural = roles.natural_payload(facts)
    if kind == "categorical" and natural == "float":
        return "int" if facts.whole else "text"
    return natural if natural in _PAYLOADS[kind] else _PAYLOADS[kind][0]


def _check_values(facts: Facts, kind: Role, payload: Payload, table: Table, where: str) -> None:
    """Checks that all values of the column can be held as this payload without loss of meaning."""
    inner = roles.type_class(facts.type)
    wrong: object = None
    if kind == "timestamp" and inner == "text" and not facts.dates:
        wrong = table.first_not(facts.name, "TIMESTAMP")
    elif kind == "timestamp" and inner in ("boolean", "list"):
        wrong = facts.type
    elif kind != "timestamp" and payload != "text" and inner == "text":
        wrong = table.first_not(facts.name, "BIGINT" if payload == "int" else "DOUBLE")
    elif payload != "text" and kind == "numeric" and inner == "timestamp":
        wrong = facts.low
    elif payload == "int" and inner == "float" and not facts.whole and kind != "timestamp":
        wrong = table.first_fraction(facts.name)
    if wrong is not None:
        expected = "dates and times" if kind == "timestamp" else _WORDS[payload]
        raise UserError(
            f"{_place(facts, where, kind)}, which needs {expected}, but the column ({facts.type}) has {shown(wrong)}. "
            f"Correct the data, or change its role: {set_flag('features', facts.name, value=roles.guess(facts).kind)}"
        )


def _check_repeated(facts: Facts, given: FeatureOptions, where: str) -> None:
    is_list = roles.type_class(facts.type) == "list"
    if given.repeated is not None and given.repeated != is_list:
        raise UserError(
            f"{where}: features.{facts.name} has repeated: {str(given.repeated).lower()}, but the column "
            f"({facts.type}) holds {'several values' if is_list else 'one value'} a row. Correct the data, or take "
            "repeated out."
        )


def _unit(facts: Facts, given: FeatureOptions) -> Unit:
    natural = roles.natural_unit(facts)
    counted = roles.type_class(facts.type) in ("integer", "float")
    if given.unit and not counted and given.unit != natural:
        raise UserError(
            f"features.{facts.name}.unit is {given.unit}, but the column ({facts.type}) holds timestamps and no count: "
            f"its unit is {natural}. Take unit out."
        )
    return given.unit or natural


def _place(facts: Facts, where: str, kind: Role) -> str:
    return f"{where}: `features.{facts.name}` says {kind}"


def _ignore(facts: Facts) -> str:
    return f"To leave it out: {set_flag('features', facts.name, value='ignore')}"

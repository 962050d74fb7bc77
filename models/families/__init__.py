"""Registers the model families, and checks the hyperparameters of a configuration.

To add a family, see docs/adding_a_family.md.
"""

from collections.abc import Mapping
from typing import Any

from core import text
from core.errors import UserError
from models.families.family import Family
from models.families.linear import LINEAR
from models.families.mlp import MLP

__all__ = ["FAMILIES", "Family", "check", "get"]

FAMILIES: dict[str, Family] = {
    "linear": LINEAR,
    "mlp": MLP,
}


def get(name: str) -> Family:
    """Returns a family.

    Raises:
        UserError: there is no such family.
    """
    if name not in FAMILIES:
        raise UserError(f"model.family is {name!r}, and {_expected(name, tuple(FAMILIES))}")
    return FAMILIES[name]


def check(family: str, hyperparameters: Mapping[str, Any]) -> None:
    """Checks that a family and values for its hyperparameters exist.

    Raises:
        UserError: one does not, or is out of range.
    """
    space = get(family).space
    for name, value in hyperparameters.items():
        if name not in space:
            raise UserError(
                f"model.hyperparameters has {name!r}, which family {family!r} does not have: "
                f"{_expected(name, tuple(space))}"
            )
        problem = space[name].problem(value)
        if problem:
            raise UserError(f"model.hyperparameters.{name} is {value!r}, and {problem} was expected.")


def _expected(name: str, known: tuple[str, ...]) -> str:
    return f"one of these was expected: {', '.join(known)}.{text.did_you_mean(name, known)}"

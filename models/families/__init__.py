"""Registers the model families, and checks the hyperparameters of a configuration.

To add a family, see docs/adding/family.md.
"""

from collections.abc import Mapping
from typing import Any

from core import text
from core.errors import UserError
from models.families.cross import CROSS
from models.families.family import Family
from models.families.linear import LINEAR
from models.families.mlp import MLP
from models.families.realmlp import REALMLP
from models.families.tabm import TABM
from models.families.trees import TREES
from models.families.wide_deep import WIDE_DEEP

__all__ = ["AUTO", "FAMILIES", "NAMES", "Family", "check"]

FAMILIES: dict[str, Family] = {
    "linear": LINEAR,
    "mlp": MLP,
    "wide_deep": WIDE_DEEP,
    "cross": CROSS,
    "tabm": TABM,
    "realmlp": REALMLP,
    "trees": TREES,
}
# An ensemble of the best families, in place of one of them.
AUTO = "auto"
NAMES: dict[str, Family | None] = {AUTO: None, **FAMILIES}


def check(family: str, hyperparameters: Mapping[str, Any]) -> None:
    """Checks the name of a family and the values of its hyperparameters.

    Raises:
        UserError: a name is not registered, or a value is out of range.
    """
    if family == AUTO:
        if hyperparameters:
            raise UserError("model.hyperparameters belong to one family. Name it in model.family, or leave them out.")
        return
    if family not in FAMILIES:
        raise UserError(text.unknown("model family", family, [AUTO, *FAMILIES]))
    space = FAMILIES[family].space
    for name, value in hyperparameters.items():
        if name not in space:
            raise UserError(text.unknown(f"hyperparameter of family {family!r} named", name, list(space)))
        problem = space[name].problem(value)
        if problem:
            raise UserError(f"model.hyperparameters.{name} is {value!r}, and {problem} was expected.")

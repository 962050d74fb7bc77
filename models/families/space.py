"""The hyperparameters of every family: their ranges for the Tuner, and their defaults.

Standard library only: a command line checks `model.hyperparameters` before TensorFlow is imported.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from core.errors import UserError


@dataclasses.dataclass(frozen=True)
class Number:
    """A number in [low, high], both included.

    Attributes:
        log: whether the Tuner looks at its magnitude rather than its value.
        step: the distance between values that the Tuner tries; None for any. A whole default makes whole values.
    """

    default: float
    low: float
    high: float
    log: bool = False
    step: float | None = None

    def problem(self, value: Any) -> str | None:
        """Returns what was expected instead of this value, or None where it is fine."""
        whole = isinstance(self.default, int)
        fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if fits and self.low <= value <= self.high:
            return None
        return f"a {'whole ' if whole else ''}number from {self.low:g} to {self.high:g}"


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of some names."""

    default: str
    values: tuple[str, ...]

    def problem(self, value: Any) -> str | None:
        """Returns what was expected instead of this value, or None where it is fine."""
        return None if value in self.values else f"one of {', '.join(self.values)}"


Space = Mapping[str, Number | Choice]

SPACES: Mapping[str, Space] = {
    "linear": {
        "learning_rate": Number(0.05, 0.001, 0.1, log=True),
        "weight_decay": Number(1e-5, 1e-6, 0.1, log=True),
    },
    "mlp": {
        "layers": Number(2, 1, 4, step=1),
        "units": Number(512, 128, 768, step=128),
        "activation": Choice("relu", ("relu", "gelu", "silu")),
        "dropout": Number(0.3, 0.0, 0.5, step=0.05),
        "embedding_size": Number(8, 4, 32, step=4),
        "learning_rate": Number(0.001, 0.0003, 0.003, log=True),
        "weight_decay": Number(1e-3, 1e-5, 0.1, log=True),
    },
}


def names() -> tuple[str, ...]:
    """Returns the names of all families."""
    return tuple(SPACES)


def check(family: str, hyperparameters: Mapping[str, Any]) -> None:
    """Checks that a family and values for its hyperparameters exist.

    Raises:
        UserError: one does not, or is out of range.
    """
    if family not in SPACES:
        raise UserError(f"model.family is {family!r}, and {_expected(family, names())}")
    for name, value in hyperparameters.items():
        if name not in SPACES[family]:
            raise UserError(
                f"model.hyperparameters has {name!r}, which family {family!r} does not have: "
                f"{_expected(name, tuple(SPACES[family]))}"
            )
        problem = SPACES[family][name].problem(value)
        if problem:
            raise UserError(f"model.hyperparameters.{name} is {value!r}, and {problem} was expected.")


def defaults(family: str, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns a family's default hyperparameters, with those given in their place."""
    return {name: each.default for name, each in SPACES[family].items()} | dict(fixed or {})


def _expected(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"one of these was expected: {', '.join(known)}." + (f" Did you mean {near[0]!r}?" if near else "")

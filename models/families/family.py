"""Defines a model family: its name, its hyperparameters with their ranges and defaults, and how its model is built."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from core.spec import Input

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Number:
    """A number in [low, high], both included.

    Attributes:
        log: whether the Tuner samples it on a logarithmic scale.
        step: the distance between the values that the Tuner tries; None for any. A whole default makes whole values.
    """

    default: float
    low: float
    high: float
    log: bool = False
    step: float | None = None

    def problem(self, value: Any) -> str | None:
        """Returns what was expected in place of a value; None where the value is valid."""
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
        """Returns what was expected in place of a value; None where the value is valid."""
        return None if value in self.values else f"one of {', '.join(self.values)}"


Space = Mapping[str, Number | Choice]


@dataclasses.dataclass(frozen=True)
class Family:
    """A model family.

    Attributes:
        name: the name in the configuration.
        space: the hyperparameters by name.
        build: returns the model, given the inputs, the number of outputs and all hyperparameters. The model takes the
            tensors of `models.preprocessing.packing.pack` and returns unbounded float32[batch, outputs]: the logit of
            a binary task's second class, a logit per class, or the standardised prediction of a regression. It imports
            Keras inside, since the configuration is checked without Keras.
    """

    name: str
    space: Space
    build: "Callable[[tuple[Input, ...], int, Mapping[str, Any]], keras.Model]"

    def defaults(self, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Returns the default hyperparameters, with those given in their place."""
        return {name: parameter.default for name, parameter in self.space.items()} | dict(fixed or {})

"""Defines a model family: its name, its hyperparameters with their ranges and defaults, and how it is trained."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from models.trained import Build, Trained


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


class Fit(Protocol):
    """Trains a model on all inputs."""

    def __call__(self, *args: Any, **kwargs: Any) -> "Trained":
        """Returns the trained model.

        The arguments are `spec, inputs, hyperparameters, train, validation, options`, and by name `budget`,
        `callbacks`, `report` and `devices`, as `models.networks.fit.fit` describes them.
        """


class Refit(Protocol):
    """Trains a model again on the rows of train and validation, with the numbers that were found on validation."""

    def __call__(self, *args: Any, **kwargs: Any) -> "Trained":
        """Returns the trained model, given `spec, inputs, trained, train, validation, options`; `report` by name."""


@dataclasses.dataclass(frozen=True)
class Family:
    """A model family.

    Attributes:
        name: the name in the configuration.
        space: the hyperparameters by name.
        fit: trains a model. It imports Keras inside, since the configuration is checked without Keras.
        build: networks only: returns the network. See `models.trained.Build`.
        refit: trains a model again on the rows of validation too; None where that cannot be done.
        auto_refit: whether `train: {refit: auto}` does so.
        second: the hyperparameters that a search tries after the defaults, where they differ; None for none.
        embedded: networks only: whether `models.networks.layers` embeds all categories, and nothing else depends on
            their indexes: a warm start then copies the embedding of each category.
        grown: returns the hyperparameters for so many times the rows on which some were found; None where they stay.
    """

    name: str
    space: Space
    fit: Fit
    build: "Build | None" = None
    refit: Refit | None = None
    second: Mapping[str, Any] | None = None
    grown: Callable[[Mapping[str, Any], float], dict[str, Any]] | None = None
    embedded: bool = False
    auto_refit: bool = False

    def defaults(self, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Returns the default hyperparameters, with those given in their place."""
        return {name: parameter.default for name, parameter in self.space.items()} | dict(fixed or {})


def network(name: str, space: Space, build: "Build", embedded: bool = False, auto_refit: bool = False) -> Family:
    """Returns a family of networks, which are trained by gradient descent.

    Args:
        name: the name in the configuration.
        space: the hyperparameters; `learning_rate` and `weight_decay` of the optimizer are among them.
        build: see `models.trained.Build`. It imports Keras inside.
        embedded: see `Family`.
        auto_refit: see `Family`.
    """
    fit, refit = functools.partial(_fit_network, build), functools.partial(_refit_network, build)
    return Family(name, space, fit, build, refit, embedded=embedded, auto_refit=auto_refit)


def _fit_network(build: "Build", *args: Any, **kwargs: Any) -> "Trained":
    from models.networks import fit

    return fit.fit(build, *args, **kwargs)


def _refit_network(build: "Build", *args: Any, **kwargs: Any) -> "Trained":
    from models.networks import fit

    return fit.refit(build, *args, **kwargs)

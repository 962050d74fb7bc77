"""Defines a search algorithm: its name, and the KerasTuner oracle that proposes the trials."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class SearchAlgorithm:
    """A search algorithm.

    Attributes:
        name: the name in the configuration.
        oracle: returns a `keras_tuner.Oracle`, given `objective`, `max_trials`, `hyperparameters` and `seed`. Its first
            proposal should be the defaults: it derives from `DefaultsFirst`. It imports KerasTuner inside, since the
            configuration is checked without it.
        sets_epochs: whether the oracle is also given `max_epochs`, and sets the epochs of a trial as `tuner/epochs`.
    """

    name: str
    oracle: Callable[..., Any]
    sets_epochs: bool = False


class DefaultsFirst:
    """A mixin for oracles that proposes the default hyperparameters first, so that no search ends below them.

    It also ends a search whose time is over.

    Attributes:
        second: hyperparameters to propose after them; None for none.
        ended: returns whether the search has ended before its largest number of trials.
    """

    second: Mapping[str, Any] | None = None
    ended: Callable[[], bool] | None = None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the values of the next trial, or that there is none."""
        if self.ended and self.ended():
            return {"status": "STOPPED"}
        defaults = self.hyperparameters.values  # type: ignore[attr-defined]
        proposals = [defaults, {**defaults, **self.second}] if self.second else [defaults]
        number = len(self.trials)  # type: ignore[attr-defined]
        if number < len(proposals):
            return {"status": "RUNNING", "values": dict(proposals[number])}
        return super().populate_space(trial_id)  # type: ignore[misc,no-any-return]

"""Searches by random trials first, then by Bayesian optimization that concentrates on the hyperparameters that matter.

The importance of each hyperparameter is estimated from the random trials. The important ones are then searched in their
whole range, the others near the best values found. Fixing the others altogether ended worse in simulated searches of 25
trials over seven hyperparameters: so few trials cannot say for sure what does not matter.
"""

from collections.abc import Mapping
from typing import Any

from models.tuning.searches.base import DefaultsFirst, SearchAlgorithm

_SCREENING = 0.4  # the share of random trials
_EXPLAINED = 0.8  # the important hyperparameters have this share of the importance together


def oracle(max_trials: int, **options: Any) -> Any:
    """Returns the oracle. See `SearchAlgorithm.oracle`."""
    import keras_tuner

    from models.tuning import gaussian_process
    from models.tuning.importance import importance, varied

    screening = max(3, round(max_trials * _SCREENING))

    class ScreenBayesian(DefaultsFirst, keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
        """Proposes the defaults first, then random values, then the most promising values of what matters."""

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            """Returns the values of the next trial."""
            started = [self.trials[identifier] for identifier in self.start_order]
            completed = [trial for trial in started if trial.status == "COMPLETED"]
            if len(started) < screening or not completed:
                return super().populate_space(trial_id)  # type: ignore[no-any-return]
            greater_is_better = self.objective.direction == "max"
            shares = importance(self.hyperparameters, started[:screening], greater_is_better)
            names = important(shares) or list(varied(self.hyperparameters))
            seed = self.seed + len(started)
            values = gaussian_process.propose(self.hyperparameters, completed, names, greater_is_better, seed)
            return {"status": "RUNNING", "values": values}

    return ScreenBayesian(max_trials=max_trials, **options)


def important(shares: Mapping[str, float]) -> list[str]:
    """Returns the hyperparameters that have most of the importance, given the shares, the greatest first."""
    explained, names = 0.0, []
    for name, share in shares.items():
        if explained < _EXPLAINED:
            names.append(name)
        explained += share
    return names


SCREEN_BAYESIAN = SearchAlgorithm("screen_bayesian", oracle)

"""Searches by Bayesian optimization: a Gaussian process predicts the objective of the values that were not tried."""

from typing import Any

from models.tuning.searches.base import DefaultsFirst, SearchAlgorithm


def oracle(max_trials: int, **options: Any) -> Any:
    """Returns KerasTuner's Bayesian oracle. See `SearchAlgorithm.oracle`."""
    import keras_tuner

    class Bayesian(DefaultsFirst, keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]
        """Proposes the defaults first."""

    # By default three random trials for each hyperparameter come first, more than most searches have.
    return Bayesian(num_initial_points=max(3, max_trials // 3), max_trials=max_trials, **options)


BAYESIAN = SearchAlgorithm("bayesian", oracle)

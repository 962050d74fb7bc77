"""Searches by Hyperband: many trials of few epochs, of which the best are repeated with more.

From Li et al. 2018, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", arXiv 1603.06560. A
repeated trial trains anew, since the schedule of its learning rate spans its epochs.
"""

from typing import Any

from models.tuning.searches.base import DefaultsFirst, SearchAlgorithm


def oracle(max_trials: int, **options: Any) -> Any:
    """Returns KerasTuner's Hyperband oracle. See `SearchAlgorithm.oracle`."""
    import keras_tuner

    class Hyperband(DefaultsFirst, keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]
        """Proposes the defaults first, with all epochs."""

    made = Hyperband(hyperband_iterations=0, **options)  # 0: until the largest number of trials
    made.max_trials = max_trials
    return made


HYPERBAND = SearchAlgorithm("hyperband", oracle, sets_epochs=True)

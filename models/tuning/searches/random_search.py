"""Searches by random sampling of the hyperparameters."""

from typing import Any

from models.tuning.searches.base import DefaultsFirst, SearchAlgorithm


def oracle(**options: Any) -> Any:
    """Returns KerasTuner's random oracle. See `SearchAlgorithm.oracle`."""
    import keras_tuner

    class Random(DefaultsFirst, keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
        """Proposes the defaults first."""

    return Random(**options)


RANDOM = SearchAlgorithm("random", oracle)

"""Makes trials with given values and scores."""

import keras_tuner
from keras_tuner.engine import trial as trial_module

SPACE = keras_tuner.HyperParameters()
SPACE.Float("a", 0.0, 1.0)
SPACE.Float("b", 0.001, 0.1, sampling="log")
SPACE.Choice("c", ["x", "y"])
SPACE.Fixed("d", 7)


def trial(number: int, a: float, b: float = 0.01, c: str = "x", *, score: float | None) -> trial_module.Trial:
    """Returns a completed trial; a failed one without a score."""
    hyperparameters = SPACE.copy()
    hyperparameters.values = {"a": a, "b": b, "c": c, "d": 7}
    made = trial_module.Trial(hyperparameters, str(number), "FAILED" if score is None else "COMPLETED")
    made.score = score
    return made

"""Ends a trial that is behind the others, so that the time goes to better ones."""

import statistics
from collections.abc import Mapping

import keras

_FEWEST = 3  # trials to compare with


class MedianStopping(keras.callbacks.Callback):
    """Stops a trial whose best loss until now is above the median of the other trials' mean losses until then.

    This is the median stopping rule of Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization".

    Args:
        curves: `val_loss` of each epoch of each earlier trial. That of this trial is added when it ends.
    """

    def __init__(self, curves: list[list[float]]) -> None:
        super().__init__()
        self._curves = curves
        self._losses: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Compares the trial with those that lasted as long."""
        if not logs:
            return
        self._losses.append(logs["val_loss"])
        lasted = len(self._losses)
        means = [statistics.fmean(curve[:lasted]) for curve in self._curves if len(curve) >= lasted]
        if len(means) >= _FEWEST and min(self._losses) > statistics.median(means):
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Keeps the losses for the trials to come."""
        self._curves.append(self._losses)

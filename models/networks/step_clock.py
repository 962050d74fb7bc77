"""Measures where the time of a training goes: the steps, the input of a batch, and the rest."""

import time
from collections.abc import Mapping

import keras
import tensorflow as tf

from models.trained import TrainingTime

_MOST_BATCHES, _MOST_SECONDS = 64, 0.2  # of the input, which are read again alone


class StepClock(keras.callbacks.Callback):
    """Adds up the time of the steps; the first execution, in which TensorFlow builds the graph, is left out."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = self._started = time.monotonic()
        self._seconds, self._steps, self._first, self._executions = 0.0, 0, 0, 0

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Starts the clock; `batch` is the first step of the execution."""
        self._started, self._first = time.monotonic(), batch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Stops the clock; `batch` is the last step of the execution."""
        if self._executions:
            self._seconds += time.monotonic() - self._started
            self._steps += batch - self._first + 1
        self._executions += 1

    def time(self, batches: tf.data.Dataset) -> TrainingTime:
        """Returns the times of the training that has ended.

        Args:
            batches: the dataset that was trained on, of which some batches are read again without a step.
        """
        seconds = time.monotonic() - self._begun
        step = self._seconds / self._steps if self._steps else 0.0
        return TrainingTime(seconds, self._steps, step, _seconds_per_batch(batches))


def _seconds_per_batch(batches: tf.data.Dataset) -> float:
    """Returns how long the input needs for a batch while no step is trained."""
    reading = iter(batches)
    next(reading)  # starts the threads
    begun, count = time.monotonic(), 0
    while count < _MOST_BATCHES and time.monotonic() - begun < _MOST_SECONDS:
        next(reading)
        count += 1
    return (time.monotonic() - begun) / count

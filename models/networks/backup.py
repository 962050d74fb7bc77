"""Keeps the state of a training in a file, so that one that was killed goes on after the last kept epoch."""

import json
import time
import zipfile
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from core import storage

_SHARE = 0.05  # of the time of the training, at most, for writing


class Backup(keras.callbacks.Callback):
    """Writes the state after an epoch, and restores it when the training begins.

    `keras.callbacks.BackupAndRestore` keeps neither the seeds of dropout nor the state of early stopping, without which
    the result differs from that of a training that was not broken.

    Args:
        path: a file of this machine or of an object store.
        stopping: comes before this callback.

    Attributes:
        epochs: the number of epochs that are kept; 0 for none.
        history: by name the loss and the metrics after each of them.
    """

    def __init__(self, path: str, stopping: keras.callbacks.EarlyStopping) -> None:
        super().__init__()
        self._path, self._stopping = path, stopping
        self._cost, self._written = 0.0, time.monotonic()
        self._arrays = self._read()
        state = json.loads(str(self._arrays.pop("state", "{}")))
        self.epochs: int = state.pop("epochs", 0)
        self.history: dict[str, list[float]] = state.pop("history", {})
        self._of_stopping: dict[str, Any] = state

    def _read(self) -> dict[str, np.ndarray]:
        if not storage.glob(self._path):
            return {}
        try:
            with storage.open_binary(self._path) as file, np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except (OSError, ValueError, zipfile.BadZipFile):  # the file was cut: the training begins again
            return {}

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Restores the weights, the optimizer, the seeds and the state of early stopping."""
        if not self.epochs:
            return
        for index, variable in enumerate(self._variables()):
            variable.assign(self._arrays[f"variable_{index}"])
        self._stopping.best_weights = [self._arrays[f"best_{index}"] for index in range(len(self.model.weights))]
        for name, value in self._of_stopping.items():
            setattr(self._stopping, name, value)
        self._arrays = {}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Writes the state, unless that took too much of the time or this epoch is the last one."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        begun = time.monotonic()
        if self.model.stop_training or self._cost > _SHARE * (begun - self._written):
            return
        self._write(epoch + 1)
        self._written = time.monotonic()
        self._cost = self._written - begun

    def _write(self, epochs: int) -> None:
        of_stopping = {name: getattr(self._stopping, name) for name in ("wait", "best", "best_epoch")}
        arrays: dict[str, Any] = {
            f"variable_{index}": np.asarray(variable) for index, variable in enumerate(self._variables())
        }
        arrays |= {f"best_{index}": weights for index, weights in enumerate(self._stopping.best_weights)}
        state = json.dumps({"epochs": epochs, "history": self.history, **of_stopping}, default=float)
        write = storage.local_output if storage.is_uri(self._path) else storage.replacing
        with write(self._path) as copy, open(copy, "wb") as file:
            np.savez(file, state=np.array(state), **arrays)

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]

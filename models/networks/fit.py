"""Trains one model, for a trial of the Tuner or for the Trainer: devices, learning rate schedule, early stopping."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core import progress
from core.config.sections import Train
from core.spec import Input, Spec
from models.evaluation import metrics
from models.heads import Head
from models.networks import augmentation, execution
from models.networks import batches as batching
from models.networks.backup import Backup
from models.networks.step_clock import StepClock
from models.preprocessing.rows import TransformedRows
from models.trained import Build, Predict, Report, Trained, WarmStart


def strategy(devices: Sequence[str] | None = None) -> tf.distribute.Strategy:
    """Returns a mirrored strategy for several devices, one for a single device, TensorFlow's default without any.

    Args:
        devices: the names of the devices; None for all GPUs.
    """
    if devices is None:
        devices = [gpu.name for gpu in tf.config.list_logical_devices("GPU")]
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.OneDeviceStrategy(devices[0]) if devices else tf.distribute.get_strategy()


def auto_batch_size(rows: int) -> int:
    """Returns a batch size from 16 to 1,024, for about 24 steps an epoch of a small table."""
    return int(np.clip(2 ** round(np.log2(max(rows, 1) / 24)), 16, 1024))


def enough_epochs(rows: int) -> int:
    """Returns the length of the learning rate schedule in epochs: large tables need fewer."""
    return max(10, 1_000_000 // max(rows, 1))


def fit(
    build: Build,
    spec: Spec,
    inputs: tuple[Input, ...],
    hyperparameters: Mapping[str, Any],
    train: TransformedRows,
    validation: TransformedRows,
    options: Train,
    budget: float | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    report: Report = progress.report,
    devices: Sequence[str] | None = None,
    backup: str | None = None,
    warm_start: WarmStart | None = None,
    end: int | None = None,
) -> Trained:
    """Trains a network, and restores the weights of the best epoch on the validation rows.

    Args:
        build: returns the network: see `Build`.
        spec: the label.
        inputs: the inputs of the model.
        hyperparameters: all hyperparameters of the family.
        train: the rows to train on.
        validation: the rows for early stopping.
        options: the section `train` of the configuration.
        budget: no epoch begins after so many seconds; None for no limit.
        callbacks: further callbacks of Keras; their logs have `val_loss`, and the metrics as `val_auc` and so on.
        report: is called with the progress, at least after every epoch.
        devices: the devices to train on; None for all GPUs, or the CPU where there is none.
        warm_start: what the network begins with; None for random weights.
        end: the epoch after which the training ends and its weights are kept; None where the validation rows decide.
        backup: the file from which a training that was killed goes on, and that it is kept in; None for none.

    Raises:
        GateError: training diverged.
    """
    chosen = options.replacing(hyperparameters)
    keras.utils.set_random_seed(options.seed)
    stop_on = validation
    if options.class_weights:
        train, stop_on = train.balanced(), validation.balanced()
    head = Head.of(spec.label, train.labels, train.weights)
    if warm_start:
        inputs = warm_start.inputs
        moments = dataclasses.replace(head.moments, mean=warm_start.mean, std=warm_start.std)
        head = dataclasses.replace(head, moments=moments)
    batch_size = min(options.batch_size or auto_batch_size(len(train)), len(train))
    epochs = min(options.epochs, enough_epochs(len(train)))
    steps = _steps(len(train) // batch_size)
    policy, encoded = execution.policy(options), head.encode(train.labels)
    batch = ({kind: values[:batch_size] for kind, values in train.features.items()}, encoded[:batch_size])
    with strategy(devices).scope():
        network = _built(policy, build, inputs, head.outputs, chosen)
        if warm_start:
            network.set_weights(warm_start.weights)
        predictor = head.predictor(network)
        executed = execution.choose(options, network, head.loss_of(network), batch, steps, epochs)
        head = dataclasses.replace(head, soft=options.mixup > 0)
        _compile(network, head, chosen, executed, steps * epochs)
    report(executed.line(policy), 0, epochs)
    # An outlier among the labels of eval decides rmse, whether train has one or not.
    loss = Head.of(spec.label, validation.labels).validation_metric if head.moments.outlier is None else "mae"
    watch = _ValidationMetrics(spec, loss, predictor, validation, stop_on, report)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=options.patience, restore_best_weights=True)
    clock = StepClock()
    keeper = None if backup is None else Backup(backup, stop)
    epochs_before = keeper.epochs if keeper else 0
    steps_before = epochs_before * steps
    batches = batching.batches(train.features, encoded, train.weights, batch_size, options.seed, steps_before)
    classes = head.outputs if head.task == "multiclass" else None
    batches = augmentation.augmented(batches, inputs, options, classes, steps_before)
    limits = [] if budget is None else [_Budget(budget)]
    history = network.fit(
        batches,
        steps_per_epoch=steps,
        epochs=min(epochs, end or epochs),
        initial_epoch=epochs_before,
        shuffle=False,  # the batches come shuffled
        verbose=0,
        callbacks=[clock, watch, *([] if end else [stop]), *limits, *callbacks, *([keeper] if keeper else [])],
    )
    logged = {name: [float(value) for value in values] for name, values in history.history.items()}
    measured = clock.time(batches)
    if policy != "float32":  # what is served computes in 32 bits, on any device
        weights = network.get_weights()
        network = build(inputs, head.outputs, chosen)
        network.set_weights(weights)
        predictor = head.predictor(network)
        watch.measures(predictor)
    predictions, found = watch.final()
    return Trained(
        predictor,
        found,
        chosen,
        epochs_before + len(history.epoch),
        end or stop.best_epoch + 1,
        history=keeper.history if keeper else logged,
        time=measured,
        predictions=predictions,
        execution=executed.line(policy),
    )


def refit(
    build: Build,
    spec: Spec,
    inputs: tuple[Input, ...],
    trained: Trained,
    train: TransformedRows,
    validation: TransformedRows,
    options: Train,
    report: Report = progress.report,
    warm_start: WarmStart | None = None,
) -> Trained:
    """Trains on train and validation for as many epochs as were best; its metrics are those that were found.

    The schedule of the learning rate is as long as before. On 8 tables of 113 to 4,200 rows of train, with 2 or 3
    seeds each, the error on test (log loss or RMSE) was 0.95 times that of before for tabm (less on 6 tables, 1.06 at
    most), and 1.04 times for mlp (less on 4 tables, 1.28 at most). With as many steps in place of epochs it was 0.93
    and 0.95 times, but less on only 5 and 3 tables.
    """
    given = (trained.hyperparameters, train.joined(validation), validation, options)
    found = fit(
        build,
        spec,
        inputs,
        *given,
        report=lambda _, done, of: report("again on train and eval", done, of),
        warm_start=warm_start,
        end=trained.best_epoch,
    )
    return dataclasses.replace(trained, predictor=found.predictor, predictions=None)


def _steps(batches: int) -> int:
    """Returns the number of steps of an epoch, which does not depend on how many run at once."""
    loops = max(1, batches // execution.STEPS)
    return batches // loops * loops


def _built(policy: str, build: Build, *arguments: Any) -> keras.Model:
    """Returns the network, whose layers have a dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return build(*arguments)
    finally:
        keras.config.set_dtype_policy(before)


def _compile(
    network: keras.Model,
    head: Head,
    hyperparameters: Mapping[str, Any],
    executed: execution.Execution,
    steps: int,
) -> None:
    """Compiles a network for so many steps in all."""
    network.compile(
        optimizer=_optimizer(hyperparameters, steps),
        loss=head.loss_of(network),
        jit_compile=executed.jit_compile,
        steps_per_execution=executed.steps,
    )
    # Variables that are made inside the training step would need a second trace of it.
    network.optimizer.build(network.trainable_variables)


def _optimizer(hyperparameters: Mapping[str, Any], steps: int) -> keras.optimizers.Optimizer:
    warm_up = min(100, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        hyperparameters["learning_rate"] / 10,
        max(1, steps - warm_up),
        warmup_target=hyperparameters["learning_rate"],
        warmup_steps=max(1, warm_up),
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=hyperparameters["weight_decay"], global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


class _ValidationMetrics(keras.callbacks.Callback):
    """Computes the metrics on the validation rows after every epoch, and reports the progress."""

    def __init__(
        self,
        spec: Spec,
        loss: str,
        predictor: keras.Model,
        rows: TransformedRows,
        stop_on: TransformedRows,
        report: Report,
    ) -> None:
        super().__init__()
        self._task, self._loss, self._rows, self._stop_on = spec.label.task, loss, rows, stop_on
        self._predict, self._report = Predict(predictor), report
        self._epoch, self._metric, self._reported = 0, "", time.monotonic()

    def measures(self, predictor: keras.Model) -> None:
        """Measures another model from now on."""
        self._predict = Predict(predictor)

    def final(self) -> tuple[np.ndarray, dict[str, float]]:
        """Returns the predictions of the model with its present weights, and their metrics."""
        predictions = self._predict(self._rows.features)
        return predictions, self._measure(self._rows, predictions)

    def _measure(self, rows: TransformedRows, predictions: np.ndarray) -> dict[str, float]:
        return metrics.compute(self._task, rows.labels, predictions, rows.weights)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Remembers the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Reports the progress once a second, and ends an epoch that has diverged: one may take minutes."""
        if logs is not None and not np.isfinite(logs["loss"]):
            self.model.stop_training = True
        if time.monotonic() - self._reported > 1:
            self._progress(self._epoch + (batch + 1) / self.params["steps"])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Adds the metrics to the logs of the epoch, which other callbacks read."""
        predictions = self._predict(self._rows.features)
        found = self._measure(self._rows, predictions)
        name = metrics.PRIMARY[self._task].name
        name = name if name in found else "log_loss"
        self._metric = f" {name} {found[name]:.4f}"
        self._progress(epoch + 1)
        if logs is not None:
            stopping = found if self._stop_on is self._rows else self._measure(self._stop_on, predictions)
            logs["val_loss"] = stopping[self._loss]
            logs |= {f"val_{key}": value for key, value in found.items()}

    def _progress(self, done: float) -> None:
        self._reported = time.monotonic()
        self._report(f"epoch {self._epoch + 1}/{self.params['epochs']}{self._metric}", done, self.params["epochs"])


class _Budget(keras.callbacks.Callback):
    """Ends the training after the epoch in which the time runs out."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.monotonic() + seconds

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Stops where no time is left."""
        if time.monotonic() > self._end:
            self.model.stop_training = True

"""Chooses how the steps of a training are computed: their precision, their compiler, and how many are run at once."""

import dataclasses
import math
import statistics
import time
from typing import Any

import keras
import tensorflow as tf

from core.config.sections import Train

STEPS = 32  # at once, roughly: the steps of an epoch are divided evenly
_MEASURED_FROM = 3_000  # steps of a training; a shorter one would not win back the time of the measurement
_EXECUTION_SECONDS = 0.25  # of an execution: so often is the progress reported, and a divergence seen
_MOST_STEPS, _CALLS, _MOST_SECONDS = 256, 16, 0.3
_GAIN = 0.9  # of the time of a step: XLA is taken where it needs at most so much
_TENSOR_CORES, _BFLOAT16 = (7, 0), (8, 0)  # the least compute capability


@dataclasses.dataclass(frozen=True)
class Execution:
    """How the steps are computed.

    Attributes:
        jit_compile: whether XLA compiles the step.
        steps: the number of steps that run at once, by which the steps of an epoch can be divided.
        milliseconds: the measured time of forward and backward pass of one batch; None where it was not measured.
    """

    jit_compile: bool
    steps: int
    milliseconds: float | None = None

    def line(self, policy: str) -> str:
        """Returns the choice in one line."""
        measured = "" if self.milliseconds is None else f" · {self.milliseconds:.2g} ms each"
        return f"{self.steps} steps at once{measured} · {'XLA' if self.jit_compile else 'no XLA'} · {policy}"


def policy(options: Train) -> str:
    """Returns Keras's dtype policy: a mixed one where it is asked for, or by `auto` on GPUs that gain by it."""
    capability = _capability()
    if not (options.mixed_precision is True or (options.mixed_precision == "auto" and capability >= _TENSOR_CORES)):
        return "float32"
    return "mixed_float16" if _TENSOR_CORES <= capability < _BFLOAT16 else "mixed_bfloat16"


def _capability() -> tuple[int, ...]:
    """Returns the least compute capability of the GPUs; (0, 0) without any."""
    details = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return min((detail.get("compute_capability", (0, 0)) for detail in details), default=(0, 0))


def choose(
    options: Train, network: keras.Model, loss: keras.losses.Loss, batch: tuple[Any, ...], steps: int, epochs: int
) -> Execution:
    """Returns the execution that the configuration names, and by `auto` the one that is fast on these devices.

    On a processor `auto` never takes XLA: it gains nothing there, and results would depend on a measurement of time.

    Args:
        options: the section `train`.
        network: the network, which stays as it is.
        loss: its loss.
        batch: features and targets of one batch.
        steps: the number of steps of an epoch.
        epochs: the largest number of epochs.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:  # Keras cannot run several steps at once there
        return Execution(options.jit_compile is True, 1)
    open_jit = options.jit_compile == "auto" and bool(tf.config.list_logical_devices("GPU"))
    long = steps * epochs >= _MEASURED_FROM
    seconds = seconds_per_step(network, loss, batch, False) if long else None
    jit = options.jit_compile is True
    if open_jit and seconds:
        compiled = seconds_per_step(network, loss, batch, True)
        jit = compiled < _GAIN * seconds
        seconds = min(seconds, compiled)
    wanted: float = STEPS
    if options.steps_per_execution != "auto":
        wanted = options.steps_per_execution
    elif seconds:
        wanted = min(max(_EXECUTION_SECONDS / seconds, 1), _MOST_STEPS)
    return Execution(jit, _nearest_divisor(steps, wanted), seconds and 1_000 * seconds)


def _nearest_divisor(steps: int, wanted: float) -> int:
    divisors = (divisor for divisor in range(1, min(steps, 2 * _MOST_STEPS) + 1) if steps % divisor == 0)
    return min(divisors, key=lambda divisor: abs(math.log(divisor / wanted)))


def seconds_per_step(network: keras.Model, loss: keras.losses.Loss, batch: tuple[Any, ...], jit_compile: bool) -> float:
    """Returns the median time of a forward and backward pass. It changes neither weights nor seeds."""
    features, targets = batch[:2]

    @tf.function(jit_compile=jit_compile, autograph=False)
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            value = loss(targets, network(features, training=False))
        return [part for part in tape.gradient(value, network.trainable_variables) if part is not None]

    gradients()  # traces and compiles
    times: list[float] = []
    while len(times) < _CALLS and sum(times) < _MOST_SECONDS:
        begin = time.perf_counter()
        for part in gradients()[:1]:
            tf.convert_to_tensor(part).numpy()  # waits for a GPU
        times.append(time.perf_counter() - begin)
    return statistics.median(times)

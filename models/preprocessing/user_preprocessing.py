"""Calls a user's `preprocessing_fn` as TFX does, and converts its outputs to the model's inputs."""

import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from core.config import named_objects
from core.errors import UserError
from core.spec import Input
from models.preprocessing.robust_moments import RobustMoments

_ARGUMENTS = (["inputs"], ["inputs", "custom_config"])


def find(dotted: str) -> Callable[..., Any]:
    """Returns the function.

    Args:
        dotted: `package.module.function`.

    Raises:
        UserError: it cannot be imported, or takes other arguments.
    """
    try:
        function = named_objects.load(dotted)
        arguments = list(inspect.signature(function).parameters)
    except Exception as error:  # whatever the user's module raises while it is imported
        raise UserError(
            f"preprocessing_fn {dotted!r} cannot be imported: {type(error).__name__}: {error}. Expected "
            "`package.module.function`, importable from the current directory."
        ) from None
    if arguments not in _ARGUMENTS:
        raise UserError(
            f"preprocessing_fn {dotted!r} takes ({', '.join(arguments)}), and (inputs) or (inputs, custom_config) "
            "was expected, as TFX calls it."
        )
    return function  # type: ignore[no-any-return]


def call(
    dotted: str, inputs: Mapping[str, tf.SparseTensor], custom_config: Mapping[str, Any], reserved: Iterable[str]
) -> dict[str, tf.Tensor]:
    """Calls the function and returns its outputs as float32[batch], or as int64[batch] or int64[batch, length].

    Args:
        dotted: `package.module.function`.
        inputs: the raw columns, each [batch, values].
        custom_config: passed on where the function takes it.
        reserved: the label and the weight, which are no inputs of the model: outputs of these names are left out.

    Raises:
        UserError: it fails, or gives what the model cannot take.
    """
    function = find(dotted)
    arguments = (
        {"custom_config": dict(custom_config)} if "custom_config" in inspect.signature(function).parameters else {}
    )
    try:
        outputs = function(dict(inputs), **arguments)
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        raise UserError(
            f"preprocessing_fn {dotted!r} failed at {line.filename}:{line.lineno}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(outputs, Mapping) or not outputs:
        raise UserError(f"preprocessing_fn {dotted!r} gave {outputs!r}, and a dict of names to tensors was expected.")
    result: dict[str, tf.Tensor] = {}
    for name, tensor in outputs.items():
        if name not in reserved:
            result |= _plain(dotted, name, tensor)
    return result


def _plain(dotted: str, name: str, tensor: Any) -> dict[str, tf.Tensor]:
    """Returns the output as one or more tensors that the model takes."""
    if not isinstance(tensor, tf.Tensor):
        raise UserError(
            f"Output {name!r} of preprocessing_fn {dotted!r} is a {type(tensor).__name__}, and a dense tensor was "
            f"expected. Missing values need a value: `tf.sparse.to_dense({name}, default)`."
        )
    if tensor.dtype == tf.string:
        raise UserError(
            f"Output {name!r} of preprocessing_fn {dotted!r} is text, and numbers were expected. Make indexes of it: "
            "`tft.compute_and_apply_vocabulary(x, num_oov_buckets=1)`."
        )
    tensor = tf.cast(tensor, tf.int64 if tensor.dtype.is_integer else tf.float32)
    if tensor.shape.rank == 1:
        return {name: tensor}
    width = tensor.shape[1] if tensor.shape.rank == 2 else None
    if width is None:
        raise UserError(
            f"Output {name!r} of preprocessing_fn {dotted!r} has shape {tensor.shape}, and [batch] or [batch, length] "
            "with a fixed length was expected: `tf.squeeze(x, axis=1)`, or `tf.reshape(x, [-1, length])`."
        )
    if tensor.dtype == tf.int64:
        return {name: tensor}  # as it is, width 1 too: tf.Transform knows the range of this very tensor
    if width == 1:
        return {name: tensor[:, 0]}
    return {f"{name}_{number}": part for number, part in enumerate(tf.unstack(tensor, axis=1))}


def describe(
    dotted: str, schema: schema_pb2.Schema, sample: Mapping[str, np.ndarray], buckets: int
) -> tuple[Input, ...]:
    """Returns the model's inputs, from the schema that tf.Transform infers for the outputs.

    Args:
        dotted: the function, for messages.
        schema: the schema of the transformed features.
        sample: transformed rows, of which moments and quantiles are computed.
        buckets: the number of quantile bins of a numeric input.

    Raises:
        UserError: an integer has no known range, or a number is not finite.
    """
    return tuple(
        _index(dotted, feature, sample[feature.name])
        if feature.type == schema_pb2.INT
        else _number(dotted, feature.name, sample[feature.name], buckets)
        for feature in sorted(schema.feature, key=lambda field: str(field.name))
    )


def _index(dotted: str, feature: schema_pb2.Feature, sample: np.ndarray) -> Input:
    name, domain = feature.name, feature.int_domain
    if feature.WhichOneof("domain_info") != "int_domain":
        raise UserError(
            f"Output {name!r} of preprocessing_fn {dotted!r} is an integer whose range tf.Transform does not know. As "
            "a number, cast it: `tf.cast(x, tf.float32)`; as a category, use tft.compute_and_apply_vocabulary or "
            "tft.bucketize."
        )
    if domain.min < -1:
        raise UserError(
            f"Output {name!r} of preprocessing_fn {dotted!r} can be {domain.min}, and an index from 0, or -1 for "
            "unknown, was expected. As a number, cast it: `tf.cast(x, tf.float32)`."
        )
    unknown = domain.min < 0
    several = sample.ndim == 2 and sample.shape[1] > 1
    return Input(
        name, "tokens" if several else "categorical", int(domain.max) + 1 + unknown, unknown_below_zero=unknown
    )


def _number(dotted: str, name: str, sample: np.ndarray, buckets: int) -> Input:
    strange = np.count_nonzero(~np.isfinite(sample))
    if strange:
        raise UserError(
            f"Output {name!r} of preprocessing_fn {dotted!r} is NaN or infinite in {strange:,} of {len(sample):,} "
            "rows. Give missing values a number, and keep out of division by zero."
        )
    values = sample.astype(np.float64)
    quantiles = np.quantile(values, np.linspace(0, 1, buckets + 1))
    moments = RobustMoments.of(quantiles, float(values.mean()), float(values.std()))
    inner = np.unique(quantiles.astype(np.float32))[1:-1]
    return Input(name, "numeric", 0, moments.mean, moments.std or 1.0, tuple(map(float, inner)))

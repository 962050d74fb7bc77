"""Packs the transformed features into a few matrices, one for each kind of inputs.

A table of 2,000 columns would otherwise be 2,000 tensors in every batch, and tracing and feeding would take longer than
training. The same function packs for training and for serving.
"""

from collections.abc import Mapping

import keras
import tensorflow as tf

from core.spec import Input

# The kinds of inputs and the type in which a model takes them.
_DTYPES = {"numeric": "float32", "categorical": "int32", "tokens": "int32"}


def of_kind(inputs: tuple[Input, ...], kind: str) -> tuple[Input, ...]:
    """Returns the inputs of one kind, in their order."""
    return tuple(model_input for model_input in inputs if model_input.kind == kind)


def pack(inputs: tuple[Input, ...], features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns transformed features as one tensor a kind, without the kinds that do not occur.

    Returns:
        `numeric` float32[batch, numerics], `categorical` int32[batch, categoricals], `tokens` int32[batch, texts,
        length], each in the order of the inputs. Texts of unlike lengths are padded with 0 to the longest.
    """
    packed = {}
    for kind, dtype in _DTYPES.items():
        columns = [tf.cast(features[model_input.name], dtype) for model_input in of_kind(inputs, kind)]
        if kind == "tokens" and columns:
            length = tf.reduce_max([tf.shape(column)[1] for column in columns])
            columns = [tf.pad(column, [[0, 0], [0, length - tf.shape(column)[1]]]) for column in columns]
        if columns:
            packed[kind] = tf.stack(columns, axis=1)
    return packed


def keras_inputs(inputs: tuple[Input, ...]) -> dict[str, keras.KerasTensor]:
    """Returns the symbolic inputs of a model that takes packed features."""
    shapes = {}
    for kind in _DTYPES:
        count = len(of_kind(inputs, kind))
        if count:
            shapes[kind] = (count, None) if kind == "tokens" else (count,)
    return {kind: keras.Input(shape, dtype=_DTYPES[kind], name=kind) for kind, shape in shapes.items()}

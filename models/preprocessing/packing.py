"""Packs the transformed features into a few matrices, one for each kind of inputs.

A table of 2,000 columns would otherwise be 2,000 tensors in every batch, and tracing and feeding would take longer than
training. The same function packs for training and for serving.
"""

import itertools
from collections.abc import Mapping, Sequence

import tensorflow as tf

from core.spec import Input
from models.preprocessing import raw_columns

# The kinds of inputs and the type in which a model takes them.
DTYPES = {"numeric": "float32", "categorical": "int32", "tokens": "int32"}


def of_kind(inputs: tuple[Input, ...], kind: str) -> tuple[Input, ...]:
    """Returns the inputs of one kind, in their order."""
    return tuple(model_input for model_input in inputs if model_input.kind == kind)


def pack(inputs: tuple[Input, ...], features: Sequence[tuple[Sequence[str], tf.Tensor]]) -> dict[str, tf.Tensor]:
    """Returns transformed features as one tensor a kind, without the kinds that do not occur.

    Args:
        inputs: the inputs of the model.
        features: matrices of features of one kind, each with the names of its columns.

    Returns:
        `numeric` float32[batch, numerics], `categorical` int32[batch, categoricals], `tokens` int32[batch, texts,
        length], each in the order of the inputs. Texts of unlike lengths are padded with 0 to the longest.
    """
    packed = {}
    for kind, dtype in DTYPES.items():
        wanted = {model_input.name: place for place, model_input in enumerate(of_kind(inputs, kind))}
        found = [(names, tf.cast(matrix, dtype)) for names, matrix in features if names[0] in wanted]
        if not wanted:
            continue
        matrices = [matrix for _, matrix in found]
        if kind == "tokens":
            length = tf.reduce_max([tf.shape(matrix)[2] for matrix in matrices])
            matrices = [tf.pad(matrix, [[0, 0], [0, 0], [0, length - tf.shape(matrix)[2]]]) for matrix in matrices]
        matrix = matrices[0] if len(matrices) == 1 else tf.concat(matrices, axis=1)
        order = {name: place for place, name in enumerate(itertools.chain(*(names for names, _ in found)))}
        packed[kind] = raw_columns.take(matrix, [order[name] for name in wanted])
    return packed


def unpack(inputs: tuple[Input, ...], packed: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns packed features by name, as the transform graph gives them: indexes are int64."""
    found: dict[str, tf.Tensor] = {}
    for kind, matrix in packed.items():
        columns = tf.unstack(matrix if kind == "numeric" else tf.cast(matrix, tf.int64), axis=1)
        found |= dict(zip((model_input.name for model_input in of_kind(inputs, kind)), columns, strict=True))
    return {model_input.name: found[model_input.name] for model_input in inputs}

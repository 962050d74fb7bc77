"""Evaluates a forest of symmetric trees by TensorFlow operations: comparisons, a bit pattern and one gather."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Trees:
    """Symmetric trees: all nodes of a level have the same condition, `feature > border`.

    Attributes:
        features: int32[depth, trees].
        borders: float32[depth, trees]; infinite where a tree is less deep. NaN is not above any border.
        leaves: float64[trees, 2**depth, outputs]; condition i gives bit i of the leaf's index.
        bias: float64[outputs], which is added to the sum of the leaves.
    """

    features: np.ndarray
    borders: np.ndarray
    leaves: np.ndarray
    bias: np.ndarray

    @classmethod
    def constant(cls, bias: np.ndarray) -> "Trees":
        """Returns a forest without trees."""
        return cls(np.zeros([0, 0], np.int32), np.zeros([0, 0], np.float32), np.zeros([0, 1, len(bias)]), bias)

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> "Trees":
        """Returns the trees of a model of CatBoost, read from its JSON format."""
        scale, bias = model["scale_and_bias"]
        trees = model["oblivious_trees"]
        depth = max((len(tree["splits"] or []) for tree in trees), default=0)
        features = np.zeros([depth, len(trees)], np.int32)
        borders = np.full([depth, len(trees)], np.inf, np.float32)
        leaves = np.zeros([len(trees), 2**depth, len(bias)])
        for number, tree in enumerate(trees):
            for level, split in enumerate(tree["splits"] or []):
                features[level, number] = split["float_feature_index"]
                borders[level, number] = split["border"]
            values = np.reshape(tree["leaf_values"], [-1, len(bias)])
            leaves[number, : len(values)] = values * scale
        return cls(features, borders, leaves, np.asarray(bias, np.float64))


@keras.saving.register_keras_serializable("skewless")
class Forest(keras.layers.Layer):
    """The sum of the leaves that a row falls into.

    Args:
        trees: the number of trees.
        depth: the depth of the deepest.
        outputs: the numbers in a leaf.

    Input: float32[batch, width]. Output: float64[batch, outputs].
    """

    def __init__(self, trees: int, depth: int, outputs: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trees, self.depth, self.outputs = trees, depth, outputs

    @classmethod
    def of(cls, trees: Trees) -> "Forest":
        """Returns the layer of some trees."""
        depth, count = trees.features.shape
        layer = cls(count, depth, len(trees.bias), name="forest")
        layer.build()
        for weight, values in zip(
            layer.weights,
            (trees.features, trees.borders, trees.leaves.reshape(-1, len(trees.bias)), trees.bias),
            strict=True,
        ):
            weight.assign(values)
        return layer

    def build(self, shape: Any = None) -> None:
        """Makes the weights."""
        for name, dtype, size in (
            ("features", "int32", (self.depth, self.trees)),
            ("borders", "float32", (self.depth, self.trees)),
            ("leaves", "float64", (self.trees * 2**self.depth, self.outputs)),
            ("bias", "float64", (self.outputs,)),
        ):
            made = self.add_weight(
                shape=size, dtype=dtype, initializer="zeros", trainable=False, autocast=False, name=f"forest_{name}"
            )
            setattr(self, f"_{name}", made)

    def call(self, encoded: tf.Tensor) -> tf.Tensor:
        """Adds the leaves up."""
        bias = tf.convert_to_tensor(self._bias)
        if not self.trees:
            return tf.repeat(bias[None, :], tf.shape(encoded)[0], axis=0)
        values = tf.transpose(encoded)  # with the rows last, taking a feature copies one stretch of memory
        features, borders = tf.convert_to_tensor(self._features), tf.convert_to_tensor(self._borders)
        leaf = tf.range(self.trees)[:, None] * (1 << self.depth)
        for level in range(self.depth):  # all levels at once would take depth times the memory
            leaf += tf.cast(tf.gather(values, features[level]) > borders[level, :, None], tf.int32) * (1 << level)
        return tf.reduce_sum(tf.gather(tf.convert_to_tensor(self._leaves), leaf), axis=0) + bias

    def compute_output_spec(self, encoded: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the type of the output: float64 whatever the type of the layer is."""
        return keras.KerasTensor((encoded.shape[0], self.outputs), "float64")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "trees": self.trees, "depth": self.depth, "outputs": self.outputs}

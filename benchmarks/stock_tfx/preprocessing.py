"""Preprocesses a table as the templates of TFX do: z-scores for numbers, vocabularies for texts."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Scales numbers to z-scores and maps texts to indices of vocabularies."""
    outputs = {}
    for name, values in inputs.items():
        dense = _dense(values) if isinstance(values, tf.SparseTensor) else values
        dense = tf.squeeze(dense, axis=1)
        if dense.dtype == tf.string:
            outputs[name] = tft.compute_and_apply_vocabulary(
                dense, top_k=10_000, num_oov_buckets=1, vocab_filename=name
            )
        else:
            outputs[name] = tft.scale_to_z_score(tf.cast(dense, tf.float32))
    return outputs


def _dense(values: tf.SparseTensor) -> tf.Tensor:
    filled = tf.SparseTensor(values.indices, values.values, [values.dense_shape[0], 1])
    return tf.sparse.to_dense(filled, "" if values.dtype == tf.string else 0)

"""Defines preprocessing functions as users may write them; tests name them by dotted path."""

import tensorflow as tf
import tensorflow_transform as tft


def scaled_and_crossed(inputs):
    age = tf.sparse.to_dense(inputs["age"], 0)[:, 0]
    town = tf.sparse.to_dense(inputs["town"], "")[:, 0]
    return {
        "age": tft.scale_to_z_score(tf.cast(age, tf.float32)),
        "bucket": tft.bucketize(age, 2),
        "town": tft.compute_and_apply_vocabulary(town[:, None], num_oov_buckets=1),
        "pair": tf.stack([tf.cast(age, tf.float32), tf.ones_like(age, tf.float32)], axis=1),
        "late": town,  # is ours to make
    }


def with_custom_config(inputs, custom_config):
    assert "spec" in custom_config
    return {"age": tf.cast(tf.sparse.to_dense(inputs["age"], 0)[:, 0][:, None], tf.float32)}


def fails(inputs):
    raise ValueError(f"no such column among {sorted(inputs)}")


def fails_on_data(inputs):
    age = tf.sparse.to_dense(inputs["age"], 0)[:, 0]
    with tf.control_dependencies([tf.debugging.assert_less(age, tf.constant(30, tf.int64), "too old")]):
        return {"age": tft.scale_to_0_1(tf.cast(age, tf.float32))}


def gives_sparse(inputs):
    return {"town": inputs["town"]}


def gives_text(inputs):
    return {"town": tf.sparse.to_dense(inputs["town"], "")[:, 0]}


def gives_minus_one(inputs):
    return {"town": tft.compute_and_apply_vocabulary(tf.sparse.to_dense(inputs["town"], "")[:, 0])}


def gives_minus_two(inputs):
    return {"town": tft.compute_and_apply_vocabulary(tf.sparse.to_dense(inputs["town"], "")[:, 0], default_value=-2)}


def gives_integers(inputs):
    return {"age": tf.sparse.to_dense(inputs["age"], 0)[:, 0]}


def gives_nan(inputs):
    age = tf.cast(tf.sparse.to_dense(inputs["age"], 0)[:, 0], tf.float32)
    return {"age": tf.math.log(-age)}


def gives_nothing(inputs):
    return {}


def takes_more(inputs, other):
    return {}


def analyzed(inputs):
    fare = tf.sparse.to_dense(inputs["fare"], 0.0)[:, 0]
    ones = tf.ones_like(fare)
    quantiles = tft.quantiles(fare, 48, epsilon=0.01)  # [1, 47]
    return {
        "mean": tft.mean(fare) * ones,
        "variance": tft.var(fare) * ones,
        "quantiles": tf.reshape(tf.tile(quantiles, [tf.size(fare), 1]), [-1, 47]),
        "town": tft.compute_and_apply_vocabulary(tf.sparse.to_dense(inputs["town"], "")[:, 0], num_oov_buckets=1),
    }

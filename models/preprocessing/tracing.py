"""Traces the default `preprocessing_fn` into a transform graph."""

import os
from collections.abc import Mapping

import tensorflow as tf
from tensorflow_transform import impl_helper

from core.spec import Input, Spec
from models.preprocessing import model_inputs, preprocessing_fn
from models.preprocessing.feature_stats import FeatureStats

# The folder of the same graph over packed columns, beside TF Transform's own.
PACKED_DIR = "packed_transform_fn"


def trace(
    output: str, spec: Spec, stats: Mapping[str, FeatureStats], columns: Mapping[str, tf.DType]
) -> tuple[Input, ...]:
    """Writes the graph, without reading data, and returns the inputs of a model.

    Args:
        output: the folder of the transform graph.
        spec: the features.
        stats: the constants of each feature.
        columns: the raw columns that the graph takes, with the type of their values.
    """
    # A schema has no float64, and the graph reads it where float32 would round too much.
    feature_spec = {
        name: tf.io.VarLenFeature(tf.float32 if dtype == tf.float64 else dtype) for name, dtype in columns.items()
    }
    type_specs = {name: tf.SparseTensorSpec([None, None], dtype) for name, dtype in columns.items()}
    impl_helper.analyze_in_place(
        lambda inputs: preprocessing_fn.preprocess(inputs, spec, stats), False, feature_spec, type_specs, output
    )
    tf.saved_model.save(preprocessing_fn.Packed(spec, stats), os.path.join(output, PACKED_DIR))
    return model_inputs.of(spec, stats)

"""Reads the values of logged requests as the served model does, by the same TensorFlow operations."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import UserError
from core.examples import arrow_schema
from core.spec import Feature
from pipeline.prediction import batch_prediction


def of_tensors(path: str, columns: Mapping[str, Sequence[Any]], features: Sequence[Feature]) -> pa.RecordBatch:
    """Returns requests to `predict` as Examples hold them.

    Args:
        path: the file, for errors.
        columns: the values of each feature; lists of values of a repeated one.
        features: the features.

    Raises:
        UserError: a value is none of its feature.
    """
    from models.serving.requests.columns import Reader

    def read() -> Any:
        return Reader(features, {}).columns(
            {feature.name: _tensor(columns[feature.name], feature) for feature in features}
        )

    return _checked(path, read, features, len(columns[features[0].name]))


def of_examples(path: str, examples: Sequence[bytes], features: Sequence[Feature]) -> pa.RecordBatch:
    """Returns serialised tf.Examples as Examples hold them; see `of_tensors`."""
    import tensorflow as tf

    from models.serving.requests import tf_examples
    from models.serving.requests.columns import Reader

    def read() -> Any:
        return tf_examples.read(tf.constant(examples, tf.string), Reader(features, {}))

    return _checked(path, read, features, len(examples))


def _checked(path: str, read: Callable[[], Any], features: Sequence[Feature], rows: int) -> pa.RecordBatch:
    with batch_prediction.quiet_tensorflow():
        import tensorflow as tf

        from models.preprocessing import raw_columns

    try:
        with batch_prediction.quiet_tensorflow():  # it looks for a GPU when the first operation runs
            raw = raw_columns.by_name(features, read())
    except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
        refused = re.search(r"Feature '.*' has the value '.*', and .* was expected\.", str(error))
        reason = refused.group() if refused else f"{str(error).splitlines()[0]}."
        raise UserError(
            f"{path}: a logged request has values that are none of the model's features. {reason} Give the log of this "
            "model alone."
        ) from None
    schema = arrow_schema({feature.name: feature.payload for feature in features})
    return pa.RecordBatch.from_arrays([_lists(raw[field.name], field, rows) for field in schema], schema=schema)


def _tensor(values: Sequence[Any], feature: Feature) -> Any:
    """Returns a column as `predict` takes it; rows of a repeated feature are padded with missing values."""
    import tensorflow as tf

    from models.serving.requests.columns import is_text

    missing, dtype = (b"", tf.string) if is_text(feature) else (np.nan, tf.float64)
    if feature.repeated:
        width = max(1, *map(len, values))
        values = [[*row, *[missing] * (width - len(row))] for row in values]
    return tf.constant(values, dtype)


def _lists(values: Any, field: pa.Field, rows: int) -> pa.LargeListArray:
    """Returns a sparse column as lists, null for none."""
    counts = np.bincount(values.indices.numpy()[:, 0], minlength=rows)
    ends = np.concatenate([[0], np.cumsum(counts)])
    flat = pa.array(values.values.numpy(), field.type.value_type)
    return pa.LargeListArray.from_arrays(ends, flat, type=field.type, mask=pa.array(counts == 0))

"""Values as requests to `predict` and tf.Examples have them, and what the served model reads."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from core.spec import Feature
from models.preprocessing import raw_columns
from models.preprocessing.raw_columns import RawColumns
from models.serving.requests import tf_examples
from models.serving.requests.columns import Reader, is_text

NAN = math.nan


@dataclasses.dataclass(frozen=True)
class RequestForms:
    """How requests write the values of a kind of column.

    Attributes:
        written: `Feature.written`.
        requests: the values in a request: texts, or numbers.
        examples: the values in a tf.Example: int, float or bytes, and None for an absent feature.
        payloads: what the model reads in both, None for missing.
    """

    written: str | None
    requests: Sequence[Any]
    examples: Sequence[Any]
    payloads: Sequence[Any]


def read_request(feature: Feature, values: Sequence[Any], plausible: dict[str, tuple[float, float]]) -> list[Any]:
    """Returns the payloads that the model reads in a request with one row a value, None for missing."""
    column = tf.constant(values, tf.string if is_text(feature) else tf.float64)
    return _payloads(feature, Reader([feature], plausible).columns({feature.name: column}))


def read_examples(feature: Feature, values: Sequence[Any], plausible: dict[str, tuple[float, float]]) -> list[Any]:
    """Returns the payloads that the model reads in tf.Examples with one value each."""
    rows = []
    for value in values:
        example = tf.train.Example()
        if value is not None:
            field = {int: "int64_list", float: "float_list", bytes: "bytes_list"}[type(value)]
            getattr(example.features.feature[feature.name], field).value.append(value)
        rows.append(example.SerializeToString())
    return _payloads(feature, tf_examples.read(tf.constant(rows), Reader([feature], plausible)))


def _payloads(feature: Feature, raw: RawColumns) -> list[Any]:
    column = raw_columns.by_name([feature], raw)[feature.name]
    found: list[Any] = [None] * int(column.dense_shape[0])
    for (row, _), value in zip(column.indices.numpy(), column.values.numpy(), strict=True):
        found[row] = value.item() if isinstance(value, np.generic) else value
    return found

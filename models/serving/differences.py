"""Compares the answers of a served model with the trainer's predictions, and finds the feature behind a difference.

Some of the rows were made of others by replacing the value of one feature (see `made_rows`). A feature causes the
difference where a row agrees with the trainer, and does not any more with another value of this feature, or the other
way round.
"""

import dataclasses
import operator
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from core import examples
from core.spec import Feature, Spec
from models.evaluation.error_slices import shown
from models.serving import made_rows, signatures
from models.serving.served_model import ServedModel, written_texts

# Requests of these sizes; then all rows in one.
_BATCHES = (1, 2, 7)
_SMALL_ROWS = 63
_CERTAIN = 0.97


@dataclasses.dataclass(frozen=True)
class Differences:
    """How far the answers are from the trainer's predictions.

    Attributes:
        largest: the largest difference.
        relative: the largest one that parity counts: for regression, as a share of the prediction where that is larger
            than 1.
        request: the request with it.
        culprit: the feature that causes it, and by how much, as a sentence; or that most rows differ, whatever their
            values; else empty.
    """

    largest: float
    relative: float
    request: str
    culprit: str = ""


def measure(model: ServedModel, table: pa.RecordBatch, spec: Spec, limit: float) -> Differences:
    """Returns the differences over all signatures and sizes of requests.

    Args:
        model: the served model.
        table: rows as in Examples, with the trainer's predictions and the marks of `made_rows`.
        spec: the features and the label.
        limit: the largest difference without a search for the feature that causes it.
    """
    expected = predictions(table, spec)
    scale = np.ones(len(expected)) if spec.label.classes else np.maximum(1.0, np.abs(expected[:, 0]))
    columns, serialized = requests(table, spec)
    rounded = _rounded_predictions(model, columns, spec, expected)
    found = []
    for signature in signatures.names_for(spec.label.task):
        if signature == "transform_features":
            continue
        wanted = expected if signature == "predict" else rounded
        for place in _requests(table.num_rows, all_sizes=signature in ("predict", "serving_default")):
            part = {name: column[place] for name, column in columns.items()}
            part |= dict.fromkeys(("examples", "inputs"), serialized[place]) if signature != "predict" else {}
            difference = answers(model.call(signature, part)) - _compared(wanted[place], signature)
            rows = f"{signature}, {len(difference)} rows a request"
            found.append((float((np.abs(difference) / scale[place, None]).max()), rows, difference))
    by_size = operator.itemgetter(0)
    relative, request, _ = max(found, key=by_size)
    largest = max(float(np.abs(difference).max()) for *_, difference in found)
    culprit = ""
    if relative > limit:
        *_, whole = max((answer for answer in found if len(answer[2]) == table.num_rows), key=by_size)
        culprit = _culprit(table, np.abs(whole / scale[:, None]).max(axis=1), spec, limit)
    return Differences(largest, relative, request, culprit)


def predictions(table: pa.RecordBatch, spec: Spec) -> np.ndarray:
    """Returns the trainer's predictions: float[rows, classes], or [rows, 1] for regression."""
    return np.asarray(table[examples.PREDICTION].flatten()).reshape(table.num_rows, len(spec.label.classes) or 1)


def answers(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the scores float64[rows, classes], or the numbers [rows, 1], in what a signature gives."""
    found = next(outputs[key] for key in ("scores", "outputs", "predictions") if key in outputs)
    return found.astype(np.float64).reshape(len(found), -1)


def _compared(expected: np.ndarray, signature: str) -> np.ndarray:
    """Returns what a signature should give: `regress` has float32, and of two classes the score of the second alone."""
    return expected[:, -1:].astype(np.float32) if signature == "regress" else expected


def requests(table: pa.RecordBatch, spec: Spec) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns rows as `predict` takes them, and as serialised tf.Examples; moments are texts, some with an offset."""
    columns = examples.dense(table, spec.features)
    columns |= {
        feature.name: written_texts(columns[feature.name], feature) for feature in spec.features if feature.written
    }
    return columns, tf_examples(table, spec.features, columns)


def tf_examples(
    rows: pa.RecordBatch, features: Sequence[Feature], texts: Mapping[str, np.ndarray] | None = None
) -> np.ndarray:
    """Returns object[rows]: serialised tf.Examples, which leave out what is missing.

    Args:
        rows: rows as in Examples.
        features: their features.
        texts: texts to send in place of the whole numbers of a feature, where `Feature.written` is set.
    """
    columns = {feature: rows.column(feature.name).to_pylist() for feature in features}
    found = np.empty(rows.num_rows, object)
    for row in range(rows.num_rows):
        example = tf.train.Example()
        for feature, column in columns.items():
            if column[row] is None:
                continue
            values = example.features.feature[feature.name]
            if texts is not None and feature.written is not None:
                values.bytes_list.value.append(texts[feature.name][row])
            else:
                lists = {"int": values.int64_list, "text": values.bytes_list}
                lists.get(feature.payload, values.float_list).value.extend(column[row])
        found[row] = example.SerializeToString()
    return found


def _requests(num_rows: int, all_sizes: bool) -> Iterator[slice]:
    """Yields the rows of each request."""
    for size in _BATCHES if all_sizes else _BATCHES[-1:]:
        for start in range(0, min(num_rows, _SMALL_ROWS), size):
            yield slice(start, min(start + size, num_rows))
    yield slice(0, num_rows)


def _rounded_predictions(
    model: ServedModel, columns: Mapping[str, np.ndarray], spec: Spec, expected: np.ndarray
) -> np.ndarray:
    """Returns what `predict` gives for numbers as tf.Example holds them: rounded to float32, unlike in training."""
    rounded = {
        feature.name: columns[feature.name].astype(np.float32).astype(np.float64)
        for feature in spec.features
        if feature.payload == "double"
    }
    return answers(model({**columns, **rounded})) if rounded else expected


def _culprit(table: pa.RecordBatch, difference: np.ndarray, spec: Spec, limit: float) -> str:
    """Returns a sentence on the feature whose replacement makes a row agree or disagree.

    Where none stands out, it is one on the model, if most rows differ; else it is empty.

    Args:
        table: the rows, with the marks of `made_rows`.
        difference: of each row from the trainer's prediction, float[rows].
        spec: the features and the label.
        limit: the largest difference of a row that agrees.
    """
    # Where a score is near 0 or 1, a wrong feature makes no difference.
    certain = predictions(table, spec).max(axis=1) > _CERTAIN if spec.label.classes else np.zeros(table.num_rows, bool)
    agrees, disagrees = difference <= limit / 10, difference > limit
    turned: dict[str, list[tuple[float, int, int]]] = {}
    for row, (base, name) in made_rows.marks(table).items():
        if not certain[row] and ((agrees[base] and disagrees[row]) or (disagrees[base] and agrees[row])):
            turned.setdefault(name, []).append((abs(difference[row] - difference[base]), base, row))
    ranked = sorted(turned, key=lambda name: (len(turned[name]), max(turned[name])), reverse=True)
    if not ranked or (len(ranked) > 1 and len(turned[ranked[0]]) == len(turned[ranked[1]])):
        return _of_model(disagrees) if not ranked else ""
    (feature,) = (feature for feature in spec.features if feature.name == ranked[0])
    change, base, row = max(turned[feature.name])
    before, after = (_shown(table, feature, place) for place in (base, row))
    return (
        f"Feature {feature.name!r} makes a difference from the trainer: where a row of eval gets {after} in place of "
        f"{before}, the difference changes by {change:.1e}."
    )


def _of_model(disagrees: np.ndarray) -> str:
    """Returns a sentence on a difference that no feature causes; empty where few rows differ."""
    if disagrees.mean() < 0.5:
        return ""
    return (
        f"No feature makes the difference from the trainer: {disagrees.sum():,} of {len(disagrees):,} rows differ, "
        "whatever their values. A member of the ensemble, its weight or the calibration is not that of the training."
    )


def _shown(table: pa.RecordBatch, feature: Feature, row: int) -> str:
    values = table.column(feature.name)[row].as_py() or []
    return ", ".join(repr(shown(value, feature)) for value in values) or "a missing value"

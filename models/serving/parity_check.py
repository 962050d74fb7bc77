"""The last look at a served model: in a process of its own, with TensorFlow alone, as a model server sees it.

    python -m models.serving.parity_check REQUEST ANSWER

REQUEST is a JSON file with the fields of `Request`; ANSWER becomes a JSON file with those of `Answer`. The exit code is
0 whatever the verdict: anything else means that the check itself broke.
"""

import dataclasses
import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from core import examples
from core.errors import UserError
from core.spec import Feature, Spec
from models.evaluation.gates import Gate
from models.serving.served_model import ServedModel

_SIGNATURES = ("serving_default", "predict", "transform_features")
# Requests of these sizes; then all rows in one.
_BATCHES = (1, 2, 7)
_SMALL_ROWS = 63
_TIMED_REQUESTS = 200
_WARM_REQUESTS = 20

Columns = Mapping[str, np.ndarray]
Outputs = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Request:
    """What to check.

    Attributes:
        model: the folder of the SavedModel.
        expected: a Parquet file of rows as in Examples, with the trainer's answers in the column `prediction`.
        spec: `Spec.to_json()`.
        max_difference: how far an answer may be from the trainer's. For regression it is a share of the number where
            that is larger than 1: a float32 has only seven digits.
        max_p50_ms: how many milliseconds a request of one row may take in the median; None for no limit.
    """

    model: str
    expected: str
    spec: str
    max_difference: float = 1e-4
    max_p50_ms: float | None = None


@dataclasses.dataclass(frozen=True)
class Answer:
    """What was found: the gates, and figures where the model came far enough to have them."""

    gates: list[Gate]
    max_abs_difference: float | None = None
    p50_ms: float | None = None


def check(request: Request) -> Answer:
    """Returns the verdict over a served model."""
    spec = Spec.from_json(request.spec)
    try:
        model = ServedModel(request.model)
    except (UserError, tf.errors.OpError, OSError) as error:
        return Answer([Gate("loads", False, None, None, f"TensorFlow alone cannot load the model: {_first(error)}")])
    table = pq.read_table(request.expected).combine_chunks()
    expected = _expected(table[examples.PREDICTION].chunk(0), spec)
    rows = Rows(table.drop_columns([examples.PREDICTION]).to_batches()[0], spec)
    gates = [_signatures(model, spec)]
    if not gates[0].passed:
        return Answer(gates)
    try:
        outputs = model(rows.columns(slice(None)))
        gates.append(_well_formed(outputs, spec))
        gates.append(_odd_rows(model, spec))
        if not all(gate.passed for gate in gates):
            return Answer(gates)
        found, parity = _parity(model, rows, expected, spec, request.max_difference)
        p50 = _latency(model, rows)
    except tf.errors.OpError as error:
        return Answer([*gates, Gate("answers", False, None, None, f"A request failed: {_first(error)}")])
    return Answer([*gates, parity, *_in_time(p50, request.max_p50_ms)], found, p50)


class Rows:
    """Rows as requests bring them."""

    def __init__(self, raw: pa.RecordBatch, spec: Spec) -> None:
        self._raw, self._features = raw, spec.features
        self.number = raw.num_rows

    def columns(self, part: slice) -> dict[str, np.ndarray]:
        """Returns some rows as `predict` takes them."""
        start, stop, _ = part.indices(self.number)
        return examples.dense(self._raw.slice(start, stop - start), self._features)

    def serialised(self, part: slice) -> dict[str, np.ndarray]:
        """Returns some rows as `serving_default` takes them."""
        start, stop, _ = part.indices(self.number)
        return {"examples": tf_examples(self._raw.slice(start, stop - start), self._features)}


def tf_examples(rows: pa.RecordBatch, features: tuple[Feature, ...]) -> np.ndarray:
    """Returns object[rows]: serialised tf.Examples, which leave out what is missing."""
    columns = {feature: rows.column(feature.name).to_pylist() for feature in features}
    found = np.empty(rows.num_rows, object)
    for row in range(rows.num_rows):
        example = tf.train.Example()
        for feature, column in columns.items():
            if column[row] is not None:
                values = example.features.feature[feature.name]
                lists = {"int": values.int64_list, "float": values.float_list, "text": values.bytes_list}
                lists[feature.payload].value.extend(column[row])
        found[row] = example.SerializeToString()
    return found


def _expected(column: pa.ListArray, spec: Spec) -> np.ndarray:
    """Returns the trainer's answers: float32[rows, classes], or float32[rows] for regression."""
    values = np.asarray(column.flatten(), np.float32)
    return values.reshape(len(column), -1) if spec.label.classes else values


def _signatures(model: ServedModel, spec: Spec) -> Gate:
    missing = [name for name in _SIGNATURES if name not in model.signatures]
    if missing:
        return Gate("signatures", False, None, None, f"The model has no signature {missing[0]!r}.")
    hidden = {name for name in (spec.label.name, spec.weight) if name is not None}
    for name in _SIGNATURES:
        taken = sorted(hidden & set(model.signature_inputs(name)))
        if taken:
            return Gate(
                "signatures", False, None, None, f"Signature {name!r} takes {taken[0]!r}, which no request has."
            )
    return Gate(
        "signatures", True, None, None, f"The signatures {', '.join(_SIGNATURES)} are there, without the label."
    )


def _well_formed(outputs: Outputs, spec: Spec) -> Gate:
    """Answers must have the promised names and shapes, and be numbers that make sense."""
    problem = _problem(outputs, spec)
    return Gate("outputs", problem is None, None, None, problem or "All answers have the promised form.")


def _problem(outputs: Outputs, spec: Spec) -> str | None:
    """Returns what is wrong with some answers; None if nothing is."""
    if not spec.label.classes:
        predictions = outputs["predictions"]
        return None if np.isfinite(predictions).all() and predictions.ndim == 1 else "Some predictions are no numbers."
    scores, classes = outputs["scores"], np.array([each.encode() for each in spec.label.classes], object)
    if scores.shape != outputs["classes"].shape or not (outputs["classes"] == classes).all():
        return f"`classes` of an answer are not {', '.join(spec.label.classes)} in this order."
    if not np.isfinite(scores).all():
        return "Some scores are no numbers."
    if not np.allclose(scores.sum(axis=1), 1, atol=1e-3) or (scores < 0).any():
        return "The scores of an answer are no probabilities: they do not add up to 1."
    if not (outputs["predicted"] == classes[scores.argmax(axis=1)]).all():
        return "`predicted` of an answer is not the class with the highest score."
    return None


def _odd_rows(model: ServedModel, spec: Spec) -> Gate:
    """Values that training never saw, or none at all, must get an answer."""
    for what, number, text in (("missing", np.nan, b""), ("unknown", 987_654_321.0, "völlig neu".encode())):
        columns = {
            feature.name: np.full([3, 1] if feature.repeated else [3], text if feature.payload == "text" else number)
            for feature in spec.features
        }
        problem = _problem(model(columns), spec)
        if problem:
            return Gate("odd rows", False, None, None, f"With {what} values in all features: {problem}")
    empty = model.call("serving_default", {"examples": np.array([tf.train.Example().SerializeToString()], object)})
    problem = _problem(empty, spec)
    if problem:
        return Gate("odd rows", False, None, None, f"With an empty tf.Example: {problem}")
    return Gate("odd rows", True, None, None, "Missing values, unknown values and an empty example get an answer.")


def _requests(number: int) -> Iterator[slice]:
    """Yields the rows of each request."""
    for size in _BATCHES:
        for start in range(0, min(number, _SMALL_ROWS), size):
            yield slice(start, min(start + size, number))
    yield slice(0, number)


def _parity(
    model: ServedModel, rows: Rows, expected: np.ndarray, spec: Spec, max_difference: float
) -> tuple[float, Gate]:
    """Returns the largest difference from the trainer's answers, and whether it is small enough."""
    key = "scores" if spec.label.classes else "predictions"
    scale = np.ones_like(expected) if spec.label.classes else np.maximum(1.0, np.abs(expected))
    worst, share, where = 0.0, 0.0, ""
    requests: dict[str, Callable[[slice], Columns]] = {"predict": rows.columns, "serving_default": rows.serialised}
    for name, make in requests.items():
        for part in _requests(rows.number):
            apart = np.abs(model.call(name, make(part))[key].astype(np.float64) - expected[part])
            worst = max(worst, float(apart.max()))
            relative = float((apart / scale[part]).max())
            if relative >= share:
                share, where = relative, f"{name}, {part.stop - part.start} rows a request"
    passed = share <= max_difference
    verdict = "is within" if passed else "is more than"
    why = f"The largest difference from the trainer, {share:.1e} ({where}), {verdict} {max_difference:g}."
    return worst, Gate("parity", passed, share, max_difference, why)


def _latency(model: ServedModel, rows: Rows) -> float:
    """Returns how many milliseconds a request of one row takes in the median."""
    request = rows.columns(slice(0, 1))
    seconds = []
    for _ in range(_WARM_REQUESTS + _TIMED_REQUESTS):
        start = time.perf_counter()
        model(request)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[_WARM_REQUESTS:]) * 1000)


def _in_time(p50: float, limit: float | None) -> list[Gate]:
    if limit is None:
        return []
    why = f"A request of one row takes {p50:.2f} ms in the median, and at most {limit:g} ms were asked for."
    return [Gate("p50", p50 <= limit, p50, limit, why)]


def _first(error: Exception) -> str:
    """Returns the first line of an error's message, without the graph that TensorFlow adds."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def main(request: str, answer: str) -> None:
    """Reads a request, and writes the answer beside it."""
    found = check(Request(**json.loads(pathlib.Path(request).read_text())))
    content: dict[str, Any] = dataclasses.asdict(found)
    pathlib.Path(answer).write_text(json.dumps(content))


if __name__ == "__main__":
    main(*sys.argv[1:])

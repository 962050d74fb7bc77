"""Checks a served model in a process of its own, with TensorFlow alone, as a model server loads it.

    python -m models.serving.parity_check REQUEST ANSWER

REQUEST is a JSON file with the arguments of `check`, the spec and the section as their JSON; ANSWER becomes a JSON file
with the fields of `Answer`. The exit code is 0 whether the model passes or not: any other means that the check itself
failed.
"""

import dataclasses
import json
import pathlib
import sys
import time
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from core import examples, storage
from core.config.sections import Serve
from core.errors import UserError
from core.spec import Feature, Spec
from models.evaluation import gates
from models.evaluation.gates import GateResult, ServedModelCheck
from models.serving.served_model import ServedModel

_SIGNATURES = ("serving_default", "predict", "transform_features")
# Requests of these sizes; then all rows in one.
_BATCHES = (1, 2, 7)
_SMALL_ROWS = 63
_TIMED_REQUESTS = 200
_WARM_REQUESTS = 20


@dataclasses.dataclass(frozen=True)
class Answer:
    """The results of all conditions, and the measurements where the model gave predictions."""

    gates: list[GateResult]
    max_abs_difference: float | None = None
    p50_ms: float | None = None


def check(path: str, expected: str, spec: Spec, serve: Serve) -> Answer:
    """Returns whether a served model gives the trainer's predictions to every request, and how fast.

    Args:
        path: the folder of the SavedModel.
        expected: a Parquet file of rows as in Examples, with the trainer's predictions in the column `prediction`.
        spec: the features and the label.
        serve: the limits. For regression, `max_difference` is a share of the prediction where that is larger than 1: a
            float32 has only seven digits.
    """
    try:
        model = ServedModel(path)
    except (UserError, tf.errors.OpError, OSError) as error:
        return Answer([_result("loads", f"TensorFlow alone cannot load the model: {_first_line(error)}")])
    table = pq.read_table(expected, partitioning=None).combine_chunks()
    predictions = _expected(table[examples.PREDICTION].chunk(0), spec)
    rows = table.drop_columns([examples.PREDICTION]).to_batches()[0]
    results = [_signatures(model, spec)]
    if not results[0].passed:
        return Answer(results)
    try:
        problem = _problem(model(examples.dense(rows, spec.features)), spec)
        results.append(_result("outputs", problem, "All answers have the promised form."))
        results.append(_odd_rows(model, spec))
        if not all(result.passed for result in results):
            return Answer(results)
        largest, relative, request = _differences(model, rows, predictions, spec)
        p50 = _latency(model, examples.dense(rows.slice(0, 1), spec.features))
    except tf.errors.OpError as error:
        return Answer([*results, _result("answers", f"A request failed: {_first_line(error)}")])
    return Answer([*results, *gates.judge(ServedModelCheck(serve, relative, request, p50))], largest, p50)


def _result(name: str, problem: str | None, passed: str = "") -> GateResult:
    """Returns the result of a condition without a number: the problem, or the sentence for a model without one."""
    return GateResult(name, problem is None, None, None, problem or passed)


def tf_examples(rows: pa.RecordBatch, features: tuple[Feature, ...]) -> np.ndarray:
    """Returns object[rows]: serialised tf.Examples, which leave out what is missing."""
    columns = {feature: rows.column(feature.name).to_pylist() for feature in features}
    found = np.empty(rows.num_rows, object)
    for row in range(rows.num_rows):
        example = tf.train.Example()
        for feature, column in columns.items():
            if column[row] is not None:
                values = example.features.feature[feature.name]
                lists = {"int": values.int64_list, "text": values.bytes_list}
                lists.get(feature.payload, values.float_list).value.extend(column[row])
        found[row] = example.SerializeToString()
    return found


def _expected(column: pa.ListArray, spec: Spec) -> np.ndarray:
    """Returns the trainer's predictions: [rows, classes], or [rows] for regression."""
    values = np.asarray(column.flatten())
    return values.reshape(len(column), -1) if spec.label.classes else values


def _signatures(model: ServedModel, spec: Spec) -> GateResult:
    missing = [name for name in _SIGNATURES if name not in model.signatures]
    if missing:
        return _result("signatures", f"The model has no signature {missing[0]!r}.")
    hidden = {spec.label.name, spec.weight or spec.label.name}
    taken = [(name, field) for name in _SIGNATURES for field in sorted(hidden & set(model.signature_inputs(name)))]
    problem = f"Signature {taken[0][0]!r} takes {taken[0][1]!r}, which no request has." if taken else None
    return _result("signatures", problem, f"The signatures {', '.join(_SIGNATURES)} are there, without the label.")


def _problem(outputs: Mapping[str, np.ndarray], spec: Spec) -> str | None:
    """Returns what is wrong with some answers; None if nothing is."""
    if not spec.label.classes:
        predictions = outputs["predictions"]
        return None if np.isfinite(predictions).all() and predictions.ndim == 1 else "Some predictions are no numbers."
    scores, classes = outputs["scores"], np.array([name.encode() for name in spec.label.classes], object)
    if scores.shape != outputs["classes"].shape or not (outputs["classes"] == classes).all():
        return f"`classes` of an answer are not {', '.join(spec.label.classes)} in this order."
    if not np.isfinite(scores).all():
        return "Some scores are no numbers."
    if not np.allclose(scores.sum(axis=1), 1, atol=1e-3) or (scores < 0).any():
        return "The scores of an answer are no probabilities: they do not add up to 1."
    if not (outputs["predicted"] == classes[scores.argmax(axis=1)]).all():
        return "`predicted` of an answer is not the class with the highest score."
    return None


def _odd_rows(model: ServedModel, spec: Spec) -> GateResult:
    """Returns whether values that training never saw, and rows without any, get an answer."""
    for kind, number, text in (("missing", np.nan, b""), ("unknown", 987_654_321.0, "völlig neu".encode())):
        columns = {
            feature.name: np.full([3, 1] if feature.repeated else [3], text if feature.payload == "text" else number)
            for feature in spec.features
        }
        problem = _problem(model(columns), spec)
        if problem:
            return _result("odd rows", f"With {kind} values in all features: {problem}")
    empty = model.call("serving_default", {"examples": np.array([tf.train.Example().SerializeToString()], object)})
    problem = _problem(empty, spec)
    passed = "Missing values, unknown values and an empty example get an answer."
    return _result("odd rows", problem and f"With an empty tf.Example: {problem}", passed)


def _requests(rows: pa.RecordBatch) -> Iterator[tuple[slice, pa.RecordBatch]]:
    """Yields the place and the rows of each request."""
    for size in _BATCHES:
        for start in range(0, min(rows.num_rows, _SMALL_ROWS), size):
            part = rows.slice(start, size)
            yield slice(start, start + part.num_rows), part
    yield slice(0, rows.num_rows), rows


def _differences(
    model: ServedModel, rows: pa.RecordBatch, expected: np.ndarray, spec: Spec
) -> tuple[float, float, str]:
    """Returns the largest difference from the trainer, the largest that parity counts, and the request with that."""
    key = "scores" if spec.label.classes else "predictions"
    scale = np.ones_like(expected) if spec.label.classes else np.maximum(1.0, np.abs(expected))
    largest, largest_relative, where = 0.0, 0.0, ""
    for signature in ("predict", "serving_default"):
        for place, part in _requests(rows):
            columns, wanted = examples.dense(part, spec.features), expected[place]
            if signature == "serving_default":
                wanted = _rounded_predictions(model, columns, spec, wanted)
                columns = {"examples": tf_examples(part, spec.features)}
            difference = np.abs(model.call(signature, columns)[key].astype(np.float64) - wanted)
            largest = max(largest, float(difference.max()))
            relative = float((difference / scale[place]).max())
            if relative >= largest_relative:
                largest_relative, where = relative, f"{signature}, {part.num_rows} rows a request"
    return largest, largest_relative, where


def _rounded_predictions(
    model: ServedModel, columns: Mapping[str, np.ndarray], spec: Spec, expected: np.ndarray
) -> np.ndarray:
    """Returns what `predict` gives for numbers as tf.Example holds them: rounded to float32, unlike in training."""
    rounded = {
        feature.name: columns[feature.name].astype(np.float32).astype(np.float64)
        for feature in spec.features
        if feature.payload == "double"
    }
    return model.predictions({**columns, **rounded}) if rounded else expected


def _latency(model: ServedModel, request: Mapping[str, np.ndarray]) -> float:
    """Returns how many milliseconds a request takes in the median."""
    seconds = []
    for _ in range(_WARM_REQUESTS + _TIMED_REQUESTS):
        start = time.perf_counter()
        model(request)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[_WARM_REQUESTS:]) * 1000)


def _first_line(error: Exception) -> str:
    """Returns the first line of an error's message, without the graph that TensorFlow adds."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def main(request: str, answer: str) -> None:
    """Reads a request file and writes the answer file."""
    asked = json.loads(pathlib.Path(request).read_text(encoding="utf-8"))
    spec, serve = Spec.from_json(asked["spec"]), Serve.model_validate_json(asked["serve"])
    storage.write_json(answer, dataclasses.asdict(check(asked["path"], asked["expected"], spec, serve)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Checks a served model in a process of its own, with TensorFlow alone, as a model server loads it.

    python -m models.serving.parity_check < REQUEST

REQUEST is a JSON object: the arguments of `check`, the spec and the section as their JSON, and `answer`, the JSON file
that gets the fields of `Answer`. The exit code is 0 whether the model passes or not: any other means that the check
itself failed. The request is read after the imports, so the process may start before there is one.
"""

import atexit
import dataclasses
import gc
import json
import sys
import time
from collections.abc import Mapping

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf

from core import storage
from core.config.deployment import Serve
from core.errors import UserError
from core.serving_costs import ServingCosts
from core.spec import Spec
from core.text import first_line
from models.evaluation import gates
from models.evaluation.gates import GateResult, ServedModelCheck
from models.serving import costs, differences, signatures
from models.serving.served_model import ServedModel


@dataclasses.dataclass(frozen=True)
class Answer:
    """The results of all conditions, and the measurements where the model gave predictions."""

    gates: list[GateResult]
    max_abs_difference: float | None = None
    costs: ServingCosts | None = None


def check(path: str, expected: str, spec: Spec, serve: Serve) -> Answer:
    """Returns whether a served model gives the trainer's predictions to every request, and what that costs.

    Args:
        path: the folder of the SavedModel.
        expected: a Parquet file of rows as in Examples, with the trainer's predictions in `core.examples.PREDICTION`
            and the marks of `made_rows`.
        spec: the features and the label.
        serve: the limits. For regression, `max_difference` is a share of the prediction where that is larger than 1: a
            float32 has only seven digits.
    """
    (rows,) = pq.read_table(expected, partitioning=None).combine_chunks().to_batches()
    columns, _ = differences.requests(rows, spec)
    memory, begin = costs.peak_memory_mb(), time.perf_counter()
    try:
        model = ServedModel(path)
    except (UserError, tf.errors.OpError, OSError) as error:
        return Answer([_result("loads", f"TensorFlow alone cannot load the model: {first_line(error)}")])
    load_s = time.perf_counter() - begin
    results = [_signatures(model, spec)]
    if not results[0].passed:
        return Answer(results)
    try:
        measured = costs.measure(model, columns, load_s, memory)
        problem = _problem(model(columns), spec)
        results.append(_result("outputs", problem, "All answers have the promised form."))
        results.append(_odd_rows(model, spec, columns))
        if not all(result.passed for result in results):
            return Answer(results)
        found = differences.measure(model, rows, spec, serve.max_difference)
    except (UserError, tf.errors.OpError) as error:
        return Answer([*results, _result("answers", f"A request failed: {first_line(error)}")])
    check = ServedModelCheck(serve, found.relative, found.request, measured, found.culprit)
    return Answer([*results, *gates.judge(check)], found.largest, measured)


def _result(name: str, problem: str | None, passed: str = "") -> GateResult:
    """Returns the result of a condition without a number: the problem, or the sentence for a model without one."""
    return GateResult(name, problem is None, None, None, problem or passed)


def _signatures(model: ServedModel, spec: Spec) -> GateResult:
    names = signatures.names_for(spec.label.task)
    missing = [name for name in names if name not in model.signatures]
    if missing:
        return _result("signatures", f"The model has no signature {missing[0]!r}.")
    hidden = {spec.label.name, spec.weight or spec.label.name}
    taken = [(name, field) for name in names for field in sorted(hidden & set(model.signature_inputs(name)))]
    problem = f"Signature {taken[0][0]!r} takes {taken[0][1]!r}, which no request has." if taken else None
    return _result("signatures", problem, f"The signatures {', '.join(names)} are there, without the label.")


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


def _odd_rows(model: ServedModel, spec: Spec, known: Mapping[str, np.ndarray]) -> GateResult:
    """Returns whether values that training never saw, rows without any, and no rows get an answer."""
    unknown, missing, none = {}, {}, {}
    for feature in spec.features:
        column, is_text = known[feature.name], known[feature.name].dtype == object
        missing[feature.name] = np.full_like(column[:3], b"" if is_text else np.nan)
        unknown[feature.name] = np.full_like(column[:3], "völlig neu".encode() if is_text else 987_654_321.0)
        if feature.kind == "timestamp" or feature.written:
            unknown[feature.name] = column[:1].repeat(3, axis=0)  # other values may be errors
        none[feature.name] = column[:0]
    for kind, columns in (("missing", missing), ("unknown", unknown)):
        problem = _problem(model(columns), spec)
        if problem:
            return _result("odd rows", f"With {kind} values in all features: {problem}")
    examples = {"examples": np.array([tf.train.Example().SerializeToString()], object)}
    problem = _problem(model.call("serving_default", examples), spec)
    if problem:
        return _result("odd rows", f"With an empty tf.Example: {problem}")
    none |= dict.fromkeys(("examples", "inputs"), examples["examples"][:0])
    for signature in signatures.names_for(spec.label.task):
        if any(len(values) for values in model.call(signature, none).values()):
            return _result("odd rows", f"Signature {signature!r} gives an answer to a request without rows.")
    return _result("odd rows", None, "Missing values, unknown values, an empty example and no rows get an answer.")


def main() -> None:
    """Reads the request and writes the answer; does nothing where there is no request."""
    if request := sys.stdin.read():
        asked = json.loads(request)
        spec, serve = Spec.from_json(asked["spec"]), Serve.model_validate_json(asked["serve"])
        storage.write_json(asked["answer"], dataclasses.asdict(check(asked["path"], asked["expected"], spec, serve)))


if __name__ == "__main__":
    atexit.register(gc.freeze)  # at its end Python would look for garbage among all objects of TensorFlow, for a second
    main()

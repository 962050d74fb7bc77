"""Refuses a candidate that is not better than the best constant prediction, by more than chance explains."""

import math

from models.evaluation import metrics
from models.evaluation.gates.base import Evaluation, Gate, GateResult, shown
from models.evaluation.model_comparison import STANDARD_ERRORS, difference


def _verdict(evaluation: Evaluation) -> list[GateResult]:
    task, test = evaluation.label.task, evaluation.test
    name = metrics.PRIMARY[task].name
    value, limit = evaluation.metrics["candidate"][name], evaluation.metrics["constant"][name]
    found = difference(task, test, "constant")
    noise = STANDARD_ERRORS * found.error
    if found.gain > max(noise, 0.0):
        why = f"{name} {shown(value)} beats the constant's {shown(limit)}."
        return [GateResult("constant", True, value, limit, why)]
    if found.gain <= 0:
        why = f"{name} {shown(value)} does not beat {shown(limit)}, which one constant answer for all rows reaches."
    elif math.isinf(noise):
        why = "The test split has a single row of one class: too few to tell the model from a constant."
    else:
        why = (
            f"{name} {shown(value)} is no clear gain over the constant's {shown(limit)}: on {len(test.labels):,} test "
            f"rows chance explains differences up to {shown(noise)}. More test rows or better features would show one."
        )
    return [GateResult("constant", False, value, limit, why)]


CONSTANT = Gate("constant", Evaluation, _verdict)

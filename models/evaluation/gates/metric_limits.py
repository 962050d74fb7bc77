"""Refuses a candidate that misses a limit of `evaluate.gates`, on the test split or on a slice of it."""

from models.evaluation.gates.base import Evaluation, Gate, GateResult, shown

# The metrics of a smaller slice are mostly chance.
_SLICE_ROWS = 100


def _verdict(evaluation: Evaluation) -> list[GateResult]:
    return [
        (_check_slices if limit.startswith("slice_") else _check_whole)(evaluation, metric, limit, bound)
        for metric, limits in evaluation.evaluate.gates.items()
        for limit, bound in limits.model_dump(exclude_none=True).items()
    ]


def _check_whole(evaluation: Evaluation, metric: str, limit: str, bound: float) -> GateResult:
    value = evaluation.metrics["candidate"].get(metric)
    if value is None:
        why = f"{metric} is not defined on the rows of the test split."
        return GateResult(f"{metric} {limit}", False, None, bound, why)
    return _result(metric, limit, value, bound, "")


def _check_slices(evaluation: Evaluation, metric: str, limit: str, bound: float) -> GateResult:
    found = [part for part in evaluation.slices if part.rows >= _SLICE_ROWS and metric in part.metrics]
    if not found:
        why = f"There is no slice of {_SLICE_ROWS} rows or more with {metric}. Name features in `evaluate.slices`."
        return GateResult(f"{metric} {limit}", False, None, bound, why)
    pick = min if limit == "slice_min" else max
    worst = pick(found, key=lambda part: part.metrics[metric])
    return _result(metric, limit, worst.metrics[metric], bound, f" in the worst slice, {worst.name}")


def _result(metric: str, limit: str, value: float, bound: float, where: str) -> GateResult:
    at_least = limit.endswith("min")
    passed = value >= bound if at_least else value <= bound
    sign = "at least" if at_least else "at most"
    why = f"{metric} is {shown(value)}{where}, and {sign} {bound:g} was asked for."
    return GateResult(f"{metric} {limit}", passed, value, bound, why)


METRIC_LIMITS = Gate("metric_limits", Evaluation, _verdict)

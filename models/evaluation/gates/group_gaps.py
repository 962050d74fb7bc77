"""Refuses a candidate whose predictions for a sensitive group differ from the others by more than a limit."""

from core.text import between
from models.evaluation.fairness import MIN_ROWS
from models.evaluation.gates.base import Evaluation, Gate, GateResult, shown


def _verdict(evaluation: Evaluation) -> list[GateResult]:
    return [_check(evaluation, measure, limit) for measure, limit in evaluation.evaluate.max_gaps.items()]


def _check(evaluation: Evaluation, measure: str, limit: float) -> GateResult:
    name = f"{measure} gap"
    found = [group for group in evaluation.groups if measure in group.gaps]
    if not found:
        why = f"There is no group of {MIN_ROWS} rows or more with {measure}. Change `evaluate.sensitive`."
        return GateResult(name, False, None, limit, why)
    worst = max(found, key=lambda group: abs(group.gaps[measure].difference) - group.gaps[measure].half_width)
    gap = worst.gaps[measure]
    size, passed = abs(gap.difference), not gap.is_beyond(limit)
    interval = between(size, size - gap.half_width, size + gap.half_width)
    relation = "not clearly more than" if passed else "clearly more than"
    why = (
        f"{measure} of {worst.name} is {shown(gap.value)} and of the other rows {shown(gap.others)}: a difference of "
        f"{interval}, {relation} {limit:g}."
    )
    return GateResult(name, passed, size, limit, why)


GROUP_GAPS = Gate("group_gaps", Evaluation, _verdict)

"""Refuses a served model whose predictions differ from those of the trainer."""

from models.evaluation.gates.base import Gate, GateResult, ServedModelCheck


def _verdict(check: ServedModelCheck) -> list[GateResult]:
    limit = check.serve.max_difference
    passed = check.difference <= limit
    relation = "is within" if passed else "is more than"
    why = f"The largest difference from the trainer, {check.difference:.1e} ({check.request}), {relation} {limit:g}."
    return [GateResult("parity", passed, check.difference, limit, f"{check.culprit} {why}".strip())]


PARITY = Gate("parity", ServedModelCheck, _verdict)

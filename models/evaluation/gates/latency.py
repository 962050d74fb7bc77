"""Refuses a served model whose median latency is above `serve.max_p50_ms`."""

from models.evaluation.gates.base import Gate, GateResult, ServedModelCheck


def _verdict(check: ServedModelCheck) -> list[GateResult]:
    limit = check.serve.max_p50_ms
    if limit is None:
        return []
    why = f"A request of one row takes {check.p50_ms:.2f} ms in the median, and at most {limit:g} ms were asked for."
    return [GateResult("p50", check.p50_ms <= limit, check.p50_ms, limit, why)]


LATENCY = Gate("latency", ServedModelCheck, _verdict)

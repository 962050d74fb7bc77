"""Refuses a served model that is slower, larger or longer to load than the limits of `serve`."""

from models.evaluation.gates.base import Gate, GateResult, ServedModelCheck

_FASTER = "a single family is faster than an ensemble, and trees are faster than networks: `model: {family: trees}`"
_SMALLER = (
    "fewer categories make it smaller (`features: {COLUMN: {vocabulary: N}}`), and so does `model: {family: trees}`"
)
# By the name of the result: the cost, what it is, its unit, and what makes it less.
_BUDGETS = (
    ("p50", "p50_ms", "A request of one row takes {} in the median", "ms", _FASTER),
    ("p99", "p99_ms", "99 % of the requests of one row take at most {}", "ms", _FASTER),
    ("memory", "memory_mb", "The model needs {} of memory beside TensorFlow", "MB", _SMALLER),
    ("size", "size_mb", "The files of the model have {}", "MB", _SMALLER),
    ("load", "load_s", "The model is loaded in {}", "s", _SMALLER),
)


def _verdict(check: ServedModelCheck) -> list[GateResult]:
    results = []
    for name, cost, what, unit, remedy in _BUDGETS:
        value, limit = getattr(check.costs, cost), getattr(check.serve, f"max_{cost}")
        if limit is not None:
            why = f"{what.format(f'{value:,.2f} {unit}')}, and at most {limit:g} {unit} were asked for."
            if value > limit:
                why += f" Raise serve.max_{cost}, or change the model: {remedy}."
            results.append(GateResult(name, value <= limit, value, limit, why))
    return results


BUDGETS = Gate("budgets", ServedModelCheck, _verdict)

"""Compares a candidate with another trained model: it must not be clearly worse."""

from models.evaluation import metrics
from models.evaluation.gates.base import Evaluation, GateResult, shown
from models.evaluation.model_comparison import difference


def not_worse(rival: str, negligible: float, evaluation: Evaluation) -> list[GateResult]:
    """Returns whether the candidate is as good as a rival, up to chance or a negligible loss.

    Args:
        rival: the name of the other model.
        negligible: the share of the improvement over a constant that may be lost, however many rows prove it.
        evaluation: the evaluation; without predictions of the rival there is no result.
    """
    if rival not in evaluation.test.by_model:
        return []
    task = evaluation.label.task
    name = metrics.PRIMARY[task].name
    value, limit, constant = (evaluation.metrics[model][name] for model in ("candidate", rival, "constant"))
    best = 1.0 if task == "binary" else 0.0
    found = difference(task, evaluation.test, rival)
    tolerance = negligible * abs(best - constant)
    why = f"{name} {shown(value)} is {found} than the {rival} model's {shown(limit)}"
    passed = not (found.is_clear and found.gain < -tolerance)
    if passed and found.is_clear and found.gain < 0:
        why += f", which is within the tolerance of {shown(tolerance)}"
    return [GateResult(rival, passed, value, limit, f"{why}.")]

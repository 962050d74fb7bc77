"""Compares a candidate with another trained model: it must not be clearly worse."""

from models.evaluation import metrics
from models.evaluation.gates.base import Evaluation, GateResult, shown
from models.evaluation.model_comparison import STANDARD_ERRORS, difference

# A loss of this share of the improvement over a constant is negligible, however many rows prove it.
_NEGLIGIBLE = 0.005


def not_worse(rival: str, evaluation: Evaluation) -> list[GateResult]:
    """Returns whether the candidate is as good as a rival, up to chance or a negligible loss.

    Args:
        rival: the name of the other model.
        evaluation: the evaluation; without predictions of the rival there is no result.
    """
    if rival not in evaluation.test.by_model:
        return []
    task = evaluation.label.task
    name = metrics.PRIMARY[task].name
    value, limit, constant = (evaluation.metrics[model][name] for model in ("candidate", rival, "constant"))
    best = 1.0 if task == "binary" else 0.0
    found = difference(task, evaluation.test, rival)
    tolerance = max(_NEGLIGIBLE * abs(best - constant), STANDARD_ERRORS * found.error)
    title = f"the {rival} model's {shown(limit)}"
    if found.gain >= 0:
        why = f"{name} {shown(value)} is as good as {title} or better."
    elif found.gain >= -tolerance:
        why = f"{name} {shown(value)} is not worse than {title} by more than the tolerance of {shown(tolerance)}."
    else:
        why = f"{name} {shown(value)} is worse than {title}, and chance explains no more than {shown(tolerance)}."
    return [GateResult(rival, found.gain >= -tolerance, value, limit, why)]

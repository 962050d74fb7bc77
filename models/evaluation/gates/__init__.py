"""Registers the gates, judges a model by them, and checks the names of the metrics that the configuration limits.

To add a gate, see docs/adding/gate.md.
"""

from typing import Any

from core import text
from core.config.sections import Evaluate
from core.errors import UserError
from core.spec import Task
from models.evaluation import fairness, metrics
from models.evaluation.gates.base import Evaluation, Gate, GateResult, ServedModelCheck
from models.evaluation.gates.budgets import BUDGETS
from models.evaluation.gates.champion import CHAMPION
from models.evaluation.gates.constant import CONSTANT
from models.evaluation.gates.group_gaps import GROUP_GAPS
from models.evaluation.gates.linear import LINEAR
from models.evaluation.gates.metric_limits import METRIC_LIMITS
from models.evaluation.gates.parity import PARITY

__all__ = ["GATES", "Evaluation", "Gate", "GateResult", "ServedModelCheck", "check", "judge"]

GATES: dict[str, Gate[Any]] = {
    "constant": CONSTANT,
    "linear": LINEAR,
    "champion": CHAMPION,
    "metric_limits": METRIC_LIMITS,
    "group_gaps": GROUP_GAPS,
    "parity": PARITY,
    "budgets": BUDGETS,
}


def judge(evidence: Evaluation | ServedModelCheck) -> list[GateResult]:
    """Returns the results of all gates that look at this kind of evidence; the model is blessed if all passed."""
    if isinstance(evidence, Evaluation) and (problem := evidence.problem()):
        return [GateResult("test split", False, None, None, problem)]
    gates = [gate for gate in GATES.values() if isinstance(evidence, gate.looks_at)]
    return [result for gate in gates for result in gate.verdict(evidence)]


def check(task: Task, evaluate: Evaluate) -> None:
    """Checks that the metrics of `evaluate.gates` and of `evaluate.max_gaps` belong to the task, before anything runs.

    Raises:
        UserError: a metric is not one of the task's.
    """
    of_task = [metric.name for metric in metrics.of(task)]
    rates = list(fairness.RATES) if task == "binary" else []
    for field, names, accepted in (
        ("gates", evaluate.gates, of_task),
        ("max_gaps", evaluate.max_gaps, of_task + rates),
    ):
        for name in names:
            if name not in accepted:
                raise UserError(
                    f"evaluate.{field}.{name}: there is no metric of a {task} task called {name!r}. "
                    f"Expected one of {text.listing(accepted)}.{text.did_you_mean(name, accepted)}"
                )

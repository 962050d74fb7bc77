"""Defines a gate, a condition that a model must meet before it is pushed, and the evidence that gates look at."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np

from core.config.deployment import Serve
from core.config.sections import Evaluate
from core.serving_costs import ServingCosts
from core.spec import Label
from models.evaluation.fairness import Group
from models.evaluation.model_comparison import ModelPredictions

Metrics = Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class GateResult:
    """The result of one condition.

    Attributes:
        name: the condition, such as `linear` or `auc min`.
        passed: whether the model meets it.
        value: what the model reached; None where it is not defined.
        limit: what it had to reach; None where the condition has no number.
        why: the reason as a sentence.
    """

    name: str
    passed: bool
    value: float | None
    limit: float | None
    why: str


@dataclasses.dataclass(frozen=True)
class Slice:
    """The candidate's metrics over a part of the test split."""

    name: str
    rows: int
    metrics: Metrics


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The evaluation of a candidate on the test split.

    Attributes:
        label: the label.
        test: the test split's rows with the predictions of `candidate`, `constant`, and of `linear` and `champion`
            where there are such models.
        metrics: the metrics by model.
        slices: the candidate's metrics by slice.
        evaluate: the section with the user's limits.
        groups: the sensitive groups beside all other rows.
    """

    label: Label
    test: ModelPredictions
    metrics: Mapping[str, Metrics]
    slices: Sequence[Slice] = ()
    evaluate: Evaluate = dataclasses.field(default_factory=Evaluate)
    groups: Sequence[Group] = ()

    def problem(self) -> str | None:
        """Returns why no model can be judged on these rows; None if one can."""
        if not len(self.test.labels):
            return "The test split has no rows. Give it a fraction in `split`."
        counted = self.test.labels[self.test.weights > 0]
        if not len(counted):
            return "The test split has no row that counts. Give it a larger fraction in `split`."
        if self.label.task == "binary" and len(np.unique(counted)) < 2:
            return (
                f"All {len(counted):,} rows of the test split have the class {self.label.classes[int(counted[0])]!r}, "
                "and a ranking needs both classes. Give the test split a larger fraction, or split by hash."
            )
        if not np.isfinite(self.test.by_model["candidate"]).all():
            return "Some predictions are not finite numbers: training diverged. Lower train.learning_rate."
        return None


@dataclasses.dataclass(frozen=True)
class ServedModelCheck:
    """The measurements of a served model in a fresh process.

    Attributes:
        serve: the limits.
        difference: the largest difference from the trainer's predictions; for regression as a share of the prediction
            where that is larger than 1.
        request: the request with the largest difference.
        costs: latency, memory, size and the time to load it.
        culprit: a sentence on the feature that causes the difference; empty where no single one does.
    """

    serve: Serve
    difference: float
    request: str
    costs: ServingCosts
    culprit: str = ""


Evidence = TypeVar("Evidence", Evaluation, ServedModelCheck)


@dataclasses.dataclass(frozen=True)
class Gate(Generic[Evidence]):
    """A condition on a model, or several of one kind.

    Attributes:
        name: the name in `GATES`.
        looks_at: the evidence: `Evaluation`, which the Evaluator has, or `ServedModelCheck`, which the ServingValidator
            has.
        verdict: a function of the evidence that returns the results; none where the gate does not apply.
    """

    name: str
    looks_at: type[Evidence]
    verdict: Callable[[Evidence], Sequence[GateResult]]


def shown(value: float) -> str:
    """Returns a metric as sentences show it: 0.912, 0.00123, 51,234."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"

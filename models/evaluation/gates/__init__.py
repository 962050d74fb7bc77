"""Gates: the conditions that a model has to meet, and the check of those that a configuration sets.

Standard library only: the configuration's gates are checked before a run starts.
"""

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import UserError
from core.spec import Task

METRICS: Mapping[Task, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "log_loss", "accuracy", "brier"),
    "multiclass": ("accuracy", "log_loss", "macro_f1"),
    "regression": ("rmse", "mae", "r2"),
}
LIMITS = ("min", "max", "slice_min", "slice_max")


@dataclasses.dataclass(frozen=True)
class Gate:
    """One condition on a model, and how it came out.

    Attributes:
        name: what was asked for, such as `linear` or `auc min`.
        passed: the verdict.
        value: what the candidate reached; None where these rows do not define it.
        limit: what it had to reach; None where there is nothing to compare with.
        why: the verdict as a sentence.
    """

    name: str
    passed: bool
    value: float | None
    limit: float | None
    why: str

    def as_json(self) -> dict[str, Any]:
        """Returns the gate as `summary.json` shows it."""
        return dataclasses.asdict(self)


def shown(value: float) -> str:
    """Returns a metric as people read it: 0.912, 0.00123, 51,234."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def check(task: Task, gates: Mapping[str, Any]) -> None:
    """Checks the gates of a configuration, before anything runs.

    Args:
        task: what kind of prediction it is.
        gates: limits by metric, as in `{"auc": {"min": 0.7, "slice_min": 0.6}}`; None is no limit.

    Raises:
        UserError: a metric or a limit is not known, or a limit is no number.
    """
    for metric, limits in gates.items():
        _check_name(f"evaluate.gates.{metric}", metric, METRICS[task], f"metric of a {task} task")
        if not isinstance(limits, Mapping) or not limits:
            raise UserError(
                f"evaluate.gates.{metric} is {limits!r}, and a limit was expected: write {{min: 0.7}} or {{max: 0.7}}."
            )
        for name, limit in limits.items():
            if limit is None:
                continue
            _check_name(f"evaluate.gates.{metric}.{name}", name, LIMITS, "limit")
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
                raise UserError(f"evaluate.gates.{metric}.{name} is {limit!r}, and a number was expected.")


def _check_name(field: str, name: str, known: Sequence[str], what: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(str(name), known, n=1)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    raise UserError(f"{field}: there is no {what} called {name!r}. Expected one of {', '.join(known)}.{guess}")

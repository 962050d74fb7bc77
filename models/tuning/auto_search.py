"""Searches over several families, and selects an ensemble of all that was trained, for `model: {family: auto}`."""

import itertools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras_tuner
import numpy as np

from core import interruption
from core.errors import UserError
from core.spec import Task
from models.families import FAMILIES
from models.preprocessing.rows import TransformedRows
from models.training import ensemble_selection, member_costs, portfolio
from models.training.ensemble import Member
from models.tuning import garbage, trial_report
from models.tuning.time_budget import TimeBudget

if TYPE_CHECKING:
    from models.tuning.search import Search

_SEARCHED = 2  # the best families, whose hyperparameters are searched
_SHARE = 0.5  # of the time that is left, for a family of the portfolio: those after it are to be trained too


class AutoSearch:
    """Trains the defaults of each family of the portfolio, and then searches the best ones while there is time.

    It has what TFX's Tuner uses of a KerasTuner search.

    Args:
        search: returns the search of a family.
        task: the kind of prediction.
        validation: the rows on which models are compared.
        trials: the largest number of trials after the portfolio.
        budget: the time of the search.
        limits: what all members may cost together, as `member_costs.limits` gives it; None for any.
        times: how many times the rows of the search the Trainer has.
    """

    tuner_id = "auto"

    def __init__(
        self,
        search: "Callable[[str], Search]",
        task: Task,
        validation: TransformedRows,
        trials: int,
        budget: TimeBudget,
        limits: np.ndarray | None = None,
        times: float = 1.0,
    ) -> None:
        self._searches = {family: search(family) for family in portfolio.families()}
        self._task, self._validation, self._trials, self._budget = task, validation, trials, budget
        self._limits, self._times = limits, times
        self._failed: dict[str, str] = {}
        self._best: list[float] = []
        self.members: list[Member] = []
        self.metric = next(iter(self._searches.values())).metric

    def search(self, **options: Any) -> None:
        """Trains the portfolio, runs the trials, and selects the members.

        Raises:
            UserError: a trial raised it, and the others would too.
            RuntimeError: every family failed.
        """
        with interruption.ends(self.stop), garbage.only_new():
            self._train()
        self.members = self._select()

    def stop(self) -> bool:
        """Ends the search with what was trained; see `Search.stop`."""
        return any(search.stop() for search in self._searches.values())

    def _train(self) -> None:
        last = list(self._searches)[-1]
        for family in self._searches:
            if not self._trained() or self._budget.allows(min(search.longest for search in self._trained())):
                self._run(family, 1, 1.0 if family == last else _SHARE)
        if not self._trained():
            raise RuntimeError(f"Every family failed. {next(iter(self._failed.values()))}")
        for _ in range(self._trials):
            following = self._next()
            if following is None:
                break
            self._run(following, len(self._searches[following].oracle.trials) + 1)

    def _run(self, family: str, trials: int, share: float = 1.0) -> None:
        """Runs the search of a family until it has so many trials, each within a share of the time that is left."""
        try:
            self._searches[family].run(trials, share)
        except UserError:
            raise
        except RuntimeError as error:
            self._failed[family] = str(error)
        if not self._budget.stopped:
            self._best += [search.completed()[0].score for search in self._trained()[:1]]

    def _trained(self) -> "list[Search]":
        """Returns the searches with a completed trial, best first."""
        found = [search for search in self._searches.values() if search.best_trial() is not None]
        sign = -1 if found and found[0].oracle.objective.direction == "max" else 1
        return sorted(found, key=lambda search: sign * search.completed()[0].score)

    def _next(self) -> str | None:
        """Returns which of the best families is searched next: that with fewest trials whose next one ends in time."""
        best = self._trained()[:_SEARCHED]
        ready = [search for search in best if self._budget.allows(search.longest)]
        return min(ready, key=lambda search: len(search.oracle.trials)).family if ready else None

    def _select(self) -> list[Member]:
        candidates = [(search, trial) for search in self._trained() for trial in search.completed()]
        predictions = [np.load(search.predictions_file(trial)) for search, trial in candidates]
        models = [search.models.get(trial.trial_id) for search, trial in candidates]
        rows = self._validation
        # Models that were trained on a sample are not kept: the Trainer, which trains them again, keeps the limits.
        limits = self._limits if all(models) else None
        costs = None
        if limits is not None:
            costs = [member_costs.measure(model.predictor, rows, limits) for model in models if model]
        chosen = ensemble_selection.select(self._task, rows.labels, predictions, rows.weights, costs, limits)
        members = []
        for index, weight in chosen.items():
            search, trial = candidates[index]
            values = trial_report.hyperparameters(trial).values
            grown = FAMILIES[search.family].grown
            values = grown(values, self._times) if grown and self._times > 1 else values
            members.append(Member(search.family, weight, values, models[index]))
        return members

    @property
    def oracle(self) -> keras_tuner.Oracle:
        """The oracle of the best family."""
        return self._trained()[0].oracle

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[keras_tuner.HyperParameters]:
        """Returns the members of the ensemble as one hyperparameter, a JSON list."""
        found = keras_tuner.HyperParameters()
        found.Fixed("members", json.dumps([member.to_json() for member in self.members]))
        return [found]

    def num_completed(self) -> int:
        """Returns the number of completed trials."""
        return sum(search.num_completed() for search in self._searches.values())

    def trials(self) -> list[dict[str, Any]]:
        """Returns the trials of each family: see `Search.trials`."""
        return [
            {**trial, "hyperparameters": {"family": search.family, **trial["hyperparameters"]}}
            for search in self._searches.values()
            for trial in search.trials()
        ]

    def report(self) -> dict[str, Any]:
        """Returns the part `model.search` of the summary; the importance is that of the best family."""
        reports = [search.report() for search in self._searches.values()]
        best = self._trained()[0].report()
        failed = list(itertools.chain.from_iterable(report["failed"] for report in reports))
        return {**best, "algorithm": self.tuner_id, "failed": failed, "best_so_far": self._best}

    def finding(self) -> str:
        """Returns the result in one line."""
        best = self._trained()[0]
        failed = f"; failed: {', '.join(self._failed)}" if self._failed else ""
        stopped = "stopped by hand, " if self._budget.stopped else ""
        return (
            f"{stopped}{self.num_completed()} trials of {len(self._trained())} families: "
            f"best {best.family}, {self.metric} {best.completed()[0].score:.4f}{failed}"
        )

    def forget(self) -> None:
        """Removes the trials, which are kept until the search has ended."""
        for search in self._searches.values():
            search.forget()

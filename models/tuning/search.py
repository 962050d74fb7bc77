"""Searches the hyperparameters of a family by KerasTuner, with trials that the family's `fit` trains."""

import functools
import math
import os
import shutil
import time
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras_tuner.engine import trial as trial_module

from core import interruption, progress
from core.config.sections import Train, Tune
from core.errors import UserError
from core.spec import Input, Spec
from models import families
from models.evaluation import metrics, model_comparison
from models.preprocessing.rows import TransformedRows
from models.trained import Report, Trained
from models.tuning import garbage, parallel_trials, searches, trial_report
from models.tuning.median_stopping import MedianStopping
from models.tuning.space import space
from models.tuning.time_budget import TimeBudget

_FAILURES = 4  # so many failed trials, and none that completed, end the search


class Search(keras_tuner.Tuner):  # type: ignore[misc]
    """A search. It continues an interrupted one with the same name in the same directory.

    Of several processes with the same directory, the chief has the result; see `parallel_trials`.

    Args:
        spec: the label and the family.
        inputs: the inputs of the model.
        train: the rows to train on.
        validation: the rows on which trials are compared.
        tune: the section of the configuration.
        name: the digest of data, configuration and code.
        directory: the folder of the trials until the search has ended.
        logs: the folder of the trials' TensorBoard logs; None for none.
        budget: the time of the search; None for no limit.
        options: how each trial is trained, but as short as `tune` says unless there are several searches.
        several: whether this is one of the searches of family `auto`.
        keep: whether the trained models are kept in `models`, by trial.
    """

    def __init__(
        self,
        spec: Spec,
        inputs: tuple[Input, ...],
        train: TransformedRows,
        validation: TransformedRows,
        tune: Tune,
        name: str,
        directory: str,
        logs: str | None = None,
        budget: TimeBudget | None = None,
        options: Train | None = None,
        several: bool = False,
        keep: bool = False,
    ) -> None:
        self.family = spec.family
        self.models: dict[str, Trained] = {}
        self._task, self._validation = spec.label.task, validation
        self._budget, self._keep = budget or TimeBudget(math.inf), keep
        self._several = several
        self._label = f"{spec.family}-" if self._several else ""
        shortly = {"epochs": tune.epochs, "patience": 2, "seed": tune.seed}
        self._options = (options or Train()).model_copy(update={} if several else shortly)
        self._role = parallel_trials.role()
        self.trained = 0  # by this process
        self._fit = functools.partial(
            families.FAMILIES[spec.family].fit, spec, inputs, train=train, validation=validation
        )
        self._tune, self._logs = tune, logs
        self._chosen: trial_module.Trial | None = None
        self._curves: list[list[float]] = []
        primary = metrics.PRIMARY[spec.label.task]
        self.metric, more_is_better = primary.name, primary.greater_is_better
        if self.metric == "auc" and len(set(validation.labels.tolist())) < 2:
            self.metric, more_is_better = "log_loss", False
        common = {
            "objective": keras_tuner.Objective(f"val_{self.metric}", "max" if more_is_better else "min"),
            "max_trials": tune.trials,
            "seed": tune.seed + 1,  # KerasTuner replaces 0 by a random seed
        }

        def start(overwrite: bool) -> None:
            algorithm = searches.SEARCHES[tune.algorithm]
            epochs = {"max_epochs": tune.epochs} if algorithm.sets_epochs else {}
            oracle = algorithm.oracle(**common, **epochs, hyperparameters=space(spec.family, spec.hyperparameters))
            oracle.verbose = 0
            oracle.ended = self._has_ended
            second = families.FAMILIES[spec.family].second or {}
            oracle.second = {name: value for name, value in second.items() if name not in spec.hyperparameters}
            project = f"{name}-{spec.family}" if self._several else name
            super(Search, self).__init__(oracle=oracle, directory=directory, project_name=project, overwrite=overwrite)

        try:
            start(overwrite=False)
        except (RuntimeError, ValueError, KeyError):  # a killed run or a full disk left files that cannot be read
            start(overwrite=self._role != "worker")

    def search(self, *args: Any, **kwargs: Any) -> None:
        """Runs the trials that are left.

        Raises:
            UserError: a trial raised it, and the others would too.
            RuntimeError: every trial failed; the cause is the error of the first.
        """
        if not self._tune.trials:
            return
        with interruption.ends(self.stop), garbage.only_new():
            self.run(self._tune.trials)
        if self._role != "worker":
            self._chosen = self._choose()

    def run(self, most: int, share: float = 1.0) -> None:
        """Runs trials until there are so many, or no further one can end in time. See `search`.

        Args:
            most: the number of trials.
            share: the share of the time that is left which a trial may take.
        """
        self.oracle.max_trials = most
        self.oracle.max_consecutive_failed_trials = most + 1  # `_has_ended` decides when failures end the search
        try:
            super().search(verbose=0, share=share)
        except keras_tuner.errors.FatalError as error:
            if isinstance(error.__cause__, UserError):
                raise error.__cause__ from None
        if self._role == "worker":
            return
        for trial in self.started() if self._role == "chief" else ():
            trial.message = trial.message or parallel_trials.left_error(self.get_trial_dir(trial.trial_id))
        if self.best_trial() is None and not self._budget.stopped:
            raise RuntimeError(f"Every trial failed. The first one: {self._errors()[0]}")

    def stop(self) -> bool:
        """Ends the search with the best trial so far; returns False where there is none, or it was stopped before."""
        if self._role == "worker" or self._budget.stopped or not self.num_completed():
            return False
        self._budget.stop()
        return True

    @property
    def longest(self) -> float:
        """The seconds that the longest of the completed trials took; 0 without one."""
        return max((trial.metrics.get_best_value("seconds") for trial in self.completed()), default=0.0)

    def _has_ended(self) -> bool:
        """Returns whether no trial is to begin: it could not end in time, or all have failed. The first one runs."""
        late = self.longest and not self._budget.allows(self.longest)
        return bool(self._budget.stopped or late or (len(self._errors()) >= _FAILURES and not self.num_completed()))

    def pre_create_trial(self) -> None:
        """Checks in a worker that the chief listens: KerasTuner would wait for an hour."""
        if self._role == "worker" and not parallel_trials.chief_listens(60):
            raise ConnectionError(f"The chief at {parallel_trials.address()} does not listen any more.")

    def on_trial_end(self, trial: trial_module.Trial) -> None:
        """Tells the oracle how a trial has ended."""
        if self._role == "worker" and trial.message:
            parallel_trials.leave_error(self.get_trial_dir(trial.trial_id), trial.message)
        super().on_trial_end(trial)
        self.trained += 1

    def run_trial(self, trial: trial_module.Trial, share: float = 1.0, **_: Any) -> dict[str, float]:
        """Trains one model, within a share of the time that is left, and returns the objective."""
        keras.backend.clear_session()
        begin = time.monotonic()
        epochs = trial.hyperparameters.values.get("tuner/epochs", self._options.epochs)
        options = self._options.model_copy(update={"epochs": epochs})
        logs = self._logs and os.path.join(self._logs, f"{self._label}trial-{trial.trial_id}")
        board = [keras.callbacks.TensorBoard(logs, write_graph=False)] if logs else []
        values = trial_report.hyperparameters(trial).values
        try:
            trained = self._fit(
                options=options,
                hyperparameters=values,
                budget=self._budget.left() * share,
                callbacks=[MedianStopping(self._curves), *board],
                report=self._reporter(trial),
            )
        except UserError as error:
            if self._role == "worker":  # the others go on, and the chief waits for the end of every trial
                raise
            raise keras_tuner.errors.FatalError(str(error)) from error
        except Exception as error:
            if self._budget.stopped:
                trial.status = trial_module.TrialStatus.STOPPED
                raise keras_tuner.errors.FatalError("stopped by hand") from error
            raise
        np.save(self.predictions_file(trial), np.asarray(trained.predictions))
        if self._keep:
            self.models[trial.trial_id] = trained
        lasted = {} if trained.epochs is None else {"epochs": trained.epochs}
        seconds = time.monotonic() - begin
        return {f"val_{self.metric}": trained.metrics[self.metric], "seconds": seconds, **lasted}

    def predictions_file(self, trial: trial_module.Trial) -> str:
        """Returns the file of the predictions of a completed trial for the validation rows."""
        return os.path.join(self.get_trial_dir(trial.trial_id), "validation.npy")

    def _reporter(self, trial: trial_module.Trial) -> Report:
        number, total = int(trial.trial_id) + 1, self.oracle.max_trials
        best = self.best_trial()
        tail = "" if best is None else f" · best {self.metric} {best.score:.4f}"
        title = f"{self.family} {number}" if self._several else f"trial {number}/{total}"

        def report(text: str, done: float, of: float) -> None:
            if self._budget.stopped:
                raise InterruptedError("the search was stopped by hand")
            place = (self._budget.spent(), 1) if self._several else (number - 1 + done / of, total)
            progress.report(f"{title} · {text}{tail}{self._budget.shown()}", *place)

        return report

    def best_trial(self) -> trial_module.Trial | None:
        """Returns the best completed trial."""
        return next(iter(self.completed()), None)

    def completed(self) -> list[trial_module.Trial]:
        """Returns the completed trials, best first."""
        return list(filter(trial_report.is_completed, self.oracle.get_best_trials(self.oracle.max_trials)))

    def _choose(self) -> trial_module.Trial | None:
        """Returns the best trial if it is better than the defaults by more than chance, else that of the defaults.

        They are compared on the same validation rows, as the Evaluator compares a candidate with the champion.
        """
        best, defaults = self.best_trial(), self._defaults_trial()
        if best is None or defaults is None or best.trial_id == defaults.trial_id:
            return best
        candidate, rival = (np.load(self.predictions_file(trial)) for trial in (best, defaults))
        weights = np.ones(len(candidate)) if self._validation.weights is None else self._validation.weights
        rows = model_comparison.ModelPredictions(
            self._validation.labels, weights, {"candidate": candidate, "defaults": rival}
        )
        found = model_comparison.difference(self._task, rows, "defaults")
        return best if found.gain > model_comparison.STANDARD_ERRORS * found.error else defaults

    def _defaults_trial(self) -> trial_module.Trial | None:
        first = self.oracle.get_trial(self.oracle.start_order[0])
        return first if trial_report.is_completed(first) else None

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[keras_tuner.HyperParameters]:
        """Returns the chosen hyperparameters, then those of the best other trials; the defaults without any trial."""
        if self._chosen is None:
            return [self.oracle.hyperparameters]
        best = self.oracle.get_best_trials(num_trials)
        others = [trial for trial in best if trial.trial_id != self._chosen.trial_id]
        return [trial_report.hyperparameters(trial) for trial in (self._chosen, *others)][:num_trials]

    def num_completed(self) -> int:
        """Returns the number of completed trials."""
        return len(self.completed())

    def trials(self) -> list[dict[str, Any]]:
        """Returns the trials in the order of their start: hyperparameters, status, score and number of epochs."""
        return [trial_report.described(trial, trial is self._chosen) for trial in self.started()]

    def started(self) -> list[trial_module.Trial]:
        """Returns the trials in the order of their start."""
        return [self.oracle.get_trial(identifier) for identifier in self.oracle.start_order]

    def _errors(self) -> list[str]:
        return list(filter(None, map(trial_report.error, self.started())))

    def report(self) -> dict[str, Any]:
        """Returns the part `model.search` of the summary."""
        space, objective = self.oracle.hyperparameters, self.oracle.objective
        found = trial_report.summary(self._tune.algorithm, objective, space, self.started())
        return {**found, "stopped": self._budget.stopped}

    def finding(self) -> str:
        """Returns the result in one line."""
        best = self.best_trial()
        if best is None:
            return "no trials: the defaults are taken as they are"
        defaults, chosen = self._defaults_trial(), self._chosen
        if defaults is None:
            compared = "the defaults failed"
        elif best.trial_id == defaults.trial_id:
            compared = "the defaults are best"
        else:
            kept = chosen is not None and chosen.trial_id == defaults.trial_id
            compared = f"the defaults gave {defaults.score:.4f}{', not worse beyond chance: kept' if kept else ''}"
        stopped = "stopped by hand, " if self._budget.stopped else ""
        return stopped + trial_report.line(f"{best.score:.4f}", compared, self.report())

    def forget(self) -> None:
        """Removes the trials, which are kept until the search has ended."""
        shutil.rmtree(self.project_dir, ignore_errors=True)

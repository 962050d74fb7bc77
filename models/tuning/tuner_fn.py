"""Defines TFX's `tuner_fn`: a KerasTuner search over the hyperparameters of a family, by trials of `fit`."""

import functools
import os
import shutil
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import keras_tuner
import numpy as np
from keras_tuner.engine import trial as trial_module

from core import digests, progress
from core.config_sections import Train, Tune
from core.errors import UserError
from core.spec import Input, Spec
from models import families
from models.evaluation import metrics, model_comparison
from models.families.family import Choice
from models.preprocessing.rows import TransformedRows
from models.trained import Predict, Report
from models.training import dataset
from models.training import fn_args as fn_args_reader
from models.tuning import searches


class TunerFnResult(NamedTuple):
    """The result of `tuner_fn` as TFX defines it."""

    tuner: "Search"
    fit_kwargs: dict[str, Any]


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """Returns the search. TFX calls it, and then its method `search`."""
    spec, tune, graph = fn_args_reader.read(fn_args, Tune)
    train, validation = (
        dataset.load(fn_args_reader.split_uri(files), graph, max_rows=tune.max_rows, seed=tune.seed)
        for files in (fn_args.train_files, fn_args.eval_files)
    )
    identity = [fn_args.custom_config, fn_args.train_files, fn_args.eval_files, fn_args.transform_graph_path]
    name = digests.of_values(identity)
    config = fn_args.custom_config
    search = Search(spec, graph.inputs, train, validation, tune, name, config["directory"], config["logs"] or None)
    return TunerFnResult(search, {"verbose": 0})


def space(family: str, fixed: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    """Returns the hyperparameters of a family for KerasTuner, some of them at a fixed value."""
    declared = keras_tuner.HyperParameters()
    for name, parameter in families.FAMILIES[family].space.items():
        if name in fixed:
            declared.Fixed(name, fixed[name])
        elif isinstance(parameter, Choice):
            declared.Choice(name, list(parameter.values), default=parameter.default)
        else:
            declare = declared.Int if isinstance(parameter.default, int) else declared.Float
            options = {"sampling": "log" if parameter.log else "linear", "default": parameter.default}
            declare(name, parameter.low, parameter.high, step=parameter.step, **options)
    return declared


class Search(keras_tuner.Tuner):  # type: ignore[misc]
    """A search. It continues an interrupted one with the same name in the same directory.

    Args:
        spec: the label and the family.
        inputs: the inputs of the model.
        train: the rows to train on.
        validation: the rows on which trials are compared.
        tune: the section of the configuration.
        name: the digest of data, configuration and code.
        directory: the folder of the trials until the search has ended.
        logs: the folder of the trials' TensorBoard logs; None for none.
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
    ) -> None:
        self._task, self._validation = spec.label.task, validation
        self._fit = functools.partial(
            families.FAMILIES[spec.family].fit, spec, inputs, train=train, validation=validation
        )
        self._tune, self._logs = tune, logs
        self._failures: list[Exception] = []
        self._chosen: trial_module.Trial | None = None
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
            hyperparameters = space(spec.family, spec.hyperparameters)
            oracle = searches.SEARCHES[tune.algorithm].oracle(**common, hyperparameters=hyperparameters)
            oracle.verbose = 0
            super(Search, self).__init__(oracle=oracle, directory=directory, project_name=name, overwrite=overwrite)

        try:
            start(overwrite=False)
        except (RuntimeError, ValueError, KeyError):  # a killed run or a full disk left files that cannot be read
            start(overwrite=True)

    def search(self, *args: Any, **kwargs: Any) -> None:
        """Runs the trials that are left.

        Raises:
            UserError: a trial raised it, and the others would too.
            RuntimeError: every trial failed; the cause is the error of the first.
        """
        if not self._tune.trials:
            return
        try:
            super().search(*args, **kwargs)
        except (keras_tuner.errors.FatalError, RuntimeError) as error:  # KerasTuner stops after three failures
            if isinstance(error.__cause__, UserError):
                raise error.__cause__ from None
        if self.best_trial() is None:
            first = self._failures[0]
            raise RuntimeError(f"Every trial failed. The first one: {type(first).__name__}: {first}") from first
        self._chosen = self._choose()

    def run_trial(self, trial: trial_module.Trial, **_: Any) -> dict[str, float]:
        """Trains one model and returns the objective."""
        keras.backend.clear_session()
        options = Train(epochs=self._tune.epochs, patience=2, seed=self._tune.seed)
        logs = self._logs and os.path.join(self._logs, f"trial-{trial.trial_id}")
        callbacks = [keras.callbacks.TensorBoard(logs, write_graph=False)] if logs else []
        values = trial.hyperparameters.values
        try:
            trained = self._fit(options=options, hyperparameters=values, callbacks=callbacks, report=self._reporter())
        except UserError as error:
            raise keras_tuner.errors.FatalError(str(error)) from error
        except Exception as error:
            self._failures.append(error)
            raise
        np.save(self._predictions_file(trial), Predict(trained.predictor)(self._validation.features))
        epochs = {} if trained.epochs is None else {"epochs": trained.epochs}
        return {f"val_{self.metric}": trained.metrics[self.metric], **epochs}

    def _predictions_file(self, trial: trial_module.Trial) -> str:
        return os.path.join(self.get_trial_dir(trial.trial_id), "validation.npy")

    def _reporter(self) -> Report:
        number, total = len(self.oracle.trials), self._tune.trials
        best = self.best_trial()
        tail = "" if best is None else f" · best {self.metric} {best.score:.4f}"
        return lambda text, done, of: progress.report(
            f"trial {number}/{total} · {text}{tail}", number - 1 + done / of, total
        )

    def best_trial(self) -> trial_module.Trial | None:
        """Returns the best completed trial."""
        return next(filter(_is_completed, self.oracle.get_best_trials(self._tune.trials)), None)

    def _choose(self) -> trial_module.Trial | None:
        """Returns the best trial if it is better than the defaults by more than chance, else that of the defaults.

        They are compared on the same validation rows, as the Evaluator compares a candidate with the champion.
        """
        best, defaults = self.best_trial(), self._defaults_trial()
        if best is None or defaults is None or best.trial_id == defaults.trial_id:
            return best
        candidate, rival = (np.load(self._predictions_file(trial)) for trial in (best, defaults))
        weights = np.ones(len(candidate)) if self._validation.weights is None else self._validation.weights
        rows = model_comparison.ModelPredictions(
            self._validation.labels, weights, {"candidate": candidate, "defaults": rival}
        )
        found = model_comparison.difference(self._task, rows, "defaults")
        return best if found.gain > model_comparison.STANDARD_ERRORS * found.error else defaults

    def _defaults_trial(self) -> trial_module.Trial | None:
        first = self.oracle.get_trial(self.oracle.start_order[0])
        return first if _is_completed(first) else None

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[keras_tuner.HyperParameters]:
        """Returns the chosen hyperparameters, then those of the best other trials; the defaults without any trial."""
        if self._chosen is None:
            return [self.oracle.hyperparameters]
        best = self.oracle.get_best_trials(num_trials)
        others = [trial for trial in best if trial.trial_id != self._chosen.trial_id]
        return [trial.hyperparameters for trial in (self._chosen, *others)][:num_trials]

    def num_completed(self) -> int:
        """Returns the number of completed trials."""
        return sum(map(_is_completed, self.oracle.trials.values()))

    def trials(self) -> list[dict[str, Any]]:
        """Returns the trials in the order of their start: hyperparameters, status, score and number of epochs."""
        return [
            {
                "hyperparameters": trial.hyperparameters.values,
                "status": "chosen" if trial is self._chosen else trial.status.lower(),
                "score": trial.score,
                "epochs": int(trial.metrics.get_best_value("epochs")) if trial.metrics.exists("epochs") else None,
            }
            for trial in map(self.oracle.get_trial, self.oracle.start_order)
        ]

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
        return f"best of {self.num_completed()} trials: {self.metric} {best.score:.4f} ({compared})"

    def forget(self) -> None:
        """Removes the trials, which are kept until the search has ended."""
        shutil.rmtree(self.project_dir, ignore_errors=True)


def _is_completed(trial: trial_module.Trial) -> bool:
    return trial.status == trial_module.TrialStatus.COMPLETED  # type: ignore[no-any-return]

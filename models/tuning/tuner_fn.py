"""Defines TFX's `tuner_fn`: a KerasTuner search over a family's space, with the project's training in every trial.

The architecture is part of the space: numbers of layers and units are hyperparameters.
"""

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
from core.errors import UserError
from core.sections import Train, Tune
from core.spec import Input, Spec
from models import families
from models.evaluation import metrics, model_comparison
from models.families.family import Choice
from models.training import dataset, fit
from models.training import fn_args as fn_args_reader
from models.training.dataset import TransformedRows
from models.tuning import searches


class TunerFnResult(NamedTuple):
    """What TFX's Tuner takes from `tuner_fn`."""

    tuner: "Search"
    fit_kwargs: dict[str, Any]


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """Prepares the search. TFX calls it, and its Tuner then runs what comes back."""
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
    """Returns a family's space for KerasTuner, with some hyperparameters at one value."""
    declared = keras_tuner.HyperParameters()
    for name, parameter in families.get(family).space.items():
        if name in fixed:
            declared.Fixed(name, fixed[name])
        elif isinstance(parameter, Choice):
            declared.Choice(name, list(parameter.values), default=parameter.default)
        else:
            kind = declared.Int if isinstance(parameter.default, int) else declared.Float
            sampling = "log" if parameter.log else "linear"
            low, high, step = parameter.low, parameter.high, parameter.step
            kind(name, low, high, step=step, sampling=sampling, default=parameter.default)
    return declared


class Search(keras_tuner.Tuner):  # type: ignore[misc]
    """A search that goes on where an earlier one with the same name in the same directory was interrupted.

    Args:
        spec: what is to be learned.
        inputs: what the model takes.
        train: the rows to learn from.
        validation: the rows that trials are compared on.
        tune: the section of the configuration.
        name: identifies the search: the same for the same data, configuration and code, and for no other.
        directory: the folder of the trials until the search has ended, so that an interrupted search continues.
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
        self._fit = functools.partial(fit.fit, spec, inputs, train=train, validation=validation)
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
            "hyperparameters": space(spec.family, spec.hyperparameters),
            "seed": tune.seed + 1,  # 0 would be a random one
        }
        oracle = searches.get(tune.algorithm).oracle(**common)
        oracle.verbose = 0
        super().__init__(oracle=oracle, directory=directory, project_name=name)

    def search(self, *args: Any, **kwargs: Any) -> None:
        """Makes all trials that are still to be made.

        Raises:
            UserError: something is wrong that no trial can put right.
            RuntimeError: every trial failed; the cause is the first one's error.
        """
        if self._tune.trials:
            try:
                super().search(*args, **kwargs)
            except (keras_tuner.errors.FatalError, RuntimeError) as error:  # KerasTuner gives up after three failures
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
        values = trial.hyperparameters.values
        try:
            trained = self._fit(
                options=options, hyperparameters=values, callbacks=self._callbacks(trial), report=self._reporter()
            )
        except UserError as error:
            raise keras_tuner.errors.FatalError(str(error)) from error
        except Exception as error:
            self._failures.append(error)
            raise
        np.save(self._predictions_file(trial), fit.Predict(trained.predictor)(self._validation.features))
        return {f"val_{self.metric}": trained.metrics[self.metric]}

    def _predictions_file(self, trial: trial_module.Trial) -> str:
        return os.path.join(self.get_trial_dir(trial.trial_id), "validation.npy")

    def _callbacks(self, trial: trial_module.Trial) -> list[keras.callbacks.Callback]:
        if self._logs is None:
            return []
        folder = os.path.join(self._logs, f"trial-{trial.trial_id}")
        return [keras.callbacks.TensorBoard(folder, write_graph=False)]

    def _reporter(self) -> fit.Report:
        number, total = len(self.oracle.trials), self._tune.trials
        best = self.best_trial()
        tail = "" if best is None else f" · best {self.metric} {best.score:.4f}"
        return lambda text, done, of: progress.report(
            f"trial {number}/{total} · {text}{tail}", number - 1 + done / of, total
        )

    def best_trial(self) -> trial_module.Trial | None:
        """Returns the best completed trial."""
        for trial in self.oracle.get_best_trials(self._tune.trials):
            if trial.status == trial_module.TrialStatus.COMPLETED:
                return trial  # type: ignore[no-any-return]
        return None

    def _choose(self) -> trial_module.Trial | None:
        """Returns the best trial where it is better than the defaults by more than chance, and theirs otherwise.

        A few short trials on few rows differ by chance alone, and the best of them is the luckiest. The two are
        compared on the same validation rows, as the Evaluator compares a candidate with the blessed model.
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
        return first if first.status == trial_module.TrialStatus.COMPLETED else None

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[keras_tuner.HyperParameters]:
        """Returns the chosen hyperparameters, and behind them those of the best other trials.

        Where no trial was to be made, they are the defaults.
        """
        if self._chosen is None:
            return [self.oracle.hyperparameters]
        best = self.oracle.get_best_trials(num_trials)
        others = [trial for trial in best if trial.trial_id != self._chosen.trial_id]
        return [trial.hyperparameters for trial in (self._chosen, *others)][:num_trials]

    def num_completed(self) -> int:
        """Returns how many trials ended well."""
        return sum(trial.status == trial_module.TrialStatus.COMPLETED for trial in self.oracle.trials.values())

    def finding(self) -> str:
        """Returns in one line what came out."""
        best = self.best_trial()
        if best is None:
            return "no trials: the defaults are taken as they are"
        return f"best of {self.num_completed()} trials: {self.metric} {best.score:.4f} ({self._beside(best)})"

    def _beside(self, best: trial_module.Trial) -> str:
        defaults, chosen = self._defaults_trial(), self._chosen
        if defaults is None:
            return "the defaults failed"
        if best.trial_id == defaults.trial_id:
            return "the defaults are best"
        kept = chosen is not None and chosen.trial_id == defaults.trial_id
        return f"the defaults gave {defaults.score:.4f}" + (", not worse beyond chance: kept" if kept else "")

    def forget(self) -> None:
        """Removes what was kept for the case of an interruption."""
        shutil.rmtree(self.project_dir, ignore_errors=True)

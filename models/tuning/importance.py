"""Estimates from the trials of a search how important each hyperparameter is.

By PED-ANOVA: Watanabe et al. 2023, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
Subspaces", arXiv 2304.10255. It compares where the best trials lie with where all trials lie.
"""

from collections.abc import Sequence
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine import trial as trial_module

FEWEST_TRIALS = 8  # fewer say nothing about the importance of a hyperparameter
_BEST = 0.3  # the share of the trials that count as the best


def importance(
    space: keras_tuner.HyperParameters, trials: Sequence[trial_module.Trial], greater_is_better: bool
) -> dict[str, float]:
    """Returns the share of each hyperparameter, the greatest first; they add up to 1.

    Args:
        space: the hyperparameters; those with one value are left out.
        trials: trials of any status; the completed ones are compared by their scores.
        greater_is_better: whether the best trials are those with the greatest scores.

    Returns:
        Shares by name; none where fewer than `FEWEST_TRIALS` are completed, or where all scores are equal.
    """
    names = varied(space)
    completed = [trial for trial in trials if trial.status == trial_module.TrialStatus.COMPLETED]
    if not names or len(completed) < FEWEST_TRIALS or len({trial.score for trial in completed}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if greater_is_better else "minimize")
    distributions = {name: _distribution(hyperparameter) for name, hyperparameter in names.items()}
    for trial in completed:
        values = {name: _place(names[name], trial.hyperparameters.values[name]) for name in names}
        study.add_trial(optuna.trial.create_trial(params=values, distributions=distributions, value=trial.score))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=_BEST, evaluate_on_local=False)
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def varied(space: keras_tuner.HyperParameters) -> dict[str, Any]:
    """Returns the hyperparameters that have more than one value, by name."""
    fixed = keras_tuner.engine.hyperparameters.Fixed
    return {parameter.name: parameter for parameter in space.space if not isinstance(parameter, fixed)}


def _distribution(hyperparameter: Any) -> optuna.distributions.BaseDistribution:
    if isinstance(hyperparameter, keras_tuner.engine.hyperparameters.Choice):
        return optuna.distributions.CategoricalDistribution(hyperparameter.values)
    return optuna.distributions.FloatDistribution(0.0, 1.0)


def _place(hyperparameter: Any, value: Any) -> Any:
    """Returns a choice itself, and for a number its place in the range from 0 to 1, on the scale of its sampling."""
    is_choice = isinstance(hyperparameter, keras_tuner.engine.hyperparameters.Choice)
    return value if is_choice else float(hyperparameter.value_to_prob(value))

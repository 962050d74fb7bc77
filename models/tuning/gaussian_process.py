"""Proposes promising hyperparameters by a Gaussian process of the scores, with the greatest expected improvement.

As in Snoek et al. 2012, "Practical Bayesian Optimization of Machine Learning Algorithms", arXiv 1206.2944. KerasTuner's
own oracle has one length scale for all hyperparameters and no noise, and takes seconds for a proposal.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as trial_module
from scipy import stats
from sklearn import gaussian_process
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import kernels

from models.tuning.importance import varied

_CANDIDATES = 1_000  # of each kind: anywhere, and near the best
_NEAR = 0.1  # the standard deviation of the places near the best


def propose(
    space: keras_tuner.HyperParameters,
    trials: Sequence[trial_module.Trial],
    names: Sequence[str],
    greater_is_better: bool,
    seed: int,
) -> dict[str, Any]:
    """Returns values that were not tried, if the candidates have any.

    Args:
        space: all hyperparameters.
        trials: the completed trials, at least one.
        names: the hyperparameters that may change anywhere; the others stay near those of the best trial.
        greater_is_better: whether the best trials are those with the greatest scores.
        seed: the seed of the candidates.
    """
    declared = varied(space)
    costs = np.array([-trial.score if greater_is_better else trial.score for trial in trials])
    best = trials[int(np.argmin(costs))].hyperparameters.values
    places = np.array([_places(declared, trial.hyperparameters.values) for trial in trials])
    candidates = _candidates(np.array(_places(declared, best)), [name in names for name in declared], seed)
    order = np.argsort(-_expected_improvement(places, _without_outliers(costs), candidates), kind="stable")
    tried = [trial.hyperparameters.values for trial in trials]
    proposals = (
        {**best, **{name: declared[name].prob_to_value(place) for name, place in zip(declared, row, strict=True)}}
        for row in candidates[order]
    )
    return next((values for values in proposals if values not in tried), dict(best))


def _candidates(best: np.ndarray, important: Sequence[bool], seed: int) -> np.ndarray:
    """Returns places to choose among: the important anywhere with the others at the best, and all near the best."""
    rng = np.random.default_rng(seed)
    anywhere = np.where(important, rng.random([_CANDIDATES, len(best)]), best)
    near = np.clip(rng.normal(best, _NEAR, [_CANDIDATES, len(best)]), 0.0, 1.0 - 1e-9)
    return np.concatenate([anywhere, near])


def _places(declared: Mapping[str, Any], values: Mapping[str, Any]) -> list[float]:
    """Returns the place of each value in its range, from 0 to 1, on the scale of its sampling."""
    return [float(parameter.value_to_prob(values[name])) for name, parameter in declared.items()]


def _without_outliers(costs: np.ndarray) -> np.ndarray:
    """Returns the costs, the largest cut: a trial that diverged would make all others look equal."""
    low, high = np.quantile(costs, [0.25, 0.75])
    return np.minimum(costs, high + 1.5 * (high - low))


def _expected_improvement(places: np.ndarray, costs: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Returns by how much each candidate is expected to cost less than the best of the places, float64[candidates]."""
    dimensions = places.shape[1]
    kernel = kernels.Matern(np.full(dimensions, 0.5), (0.1, 10.0), nu=2.5) + kernels.WhiteKernel(0.1, (1e-4, 1.0))
    regressor = gaussian_process.GaussianProcessRegressor(
        kernel, normalize_y=True, n_restarts_optimizer=1, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale or the noise is at its limit
        regressor.fit(places, costs)
    mean, std = regressor.predict(candidates, return_std=True)
    gain = regressor.predict(places).min() - mean
    scaled = gain / np.maximum(std, 1e-12)
    return np.asarray(gain * stats.norm.cdf(scaled) + std * stats.norm.pdf(scaled))

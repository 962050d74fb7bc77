"""Trains boosted symmetric trees by CatBoost (Prokhorenkova et al. 2018, arXiv 1706.09516), as a Keras model."""

import io
import json
import pathlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import catboost
import keras
import numpy as np

from core import progress
from core.config.sections import Train
from core.spec import Input, Spec
from models.evaluation import metrics
from models.heads import Head
from models.preprocessing.rows import TransformedRows
from models.trained import Predict, Report, Trained, keras_inputs
from models.trees.encoding import Encoding
from models.trees.forest import Forest, Trees

_LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
_PATIENCE = 50  # trees without a lower loss on the validation rows
_FARTHEST = 10.0  # standard deviations of a label that has outliers; the squared error of one would decide every tree
_SAME = 4e-6  # relative difference of values that count as one; the error of float32 is 6e-8
_MORE_TREES = 1.1  # after a refit, for the rows of validation are added


def fit(
    spec: Spec,
    inputs: tuple[Input, ...],
    hyperparameters: Mapping[str, Any],
    train: TransformedRows,
    validation: TransformedRows,
    options: Train,
    budget: float | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    report: Report = progress.report,
    devices: Sequence[str] | None = None,
) -> Trained:
    """Trains trees, as many as are best on the validation rows.

    Args:
        spec: the label.
        inputs: the inputs of the model.
        hyperparameters: all hyperparameters of the family.
        train: the rows to train on.
        validation: the rows for early stopping.
        options: the section `train` of the configuration, of which the learning rate and the seed count.
        budget: no tree begins after so many seconds; None for no limit.
        callbacks: not used: there are no epochs.
        report: is called with the progress.
        devices: not used: trees are trained on the processor.
    """
    chosen = options.replacing(hyperparameters)
    stop_on = validation
    if options.class_weights:
        train, stop_on = train.balanced(), validation.balanced()
    predictor, trees, history = _fit(spec, inputs, chosen, train, stop_on, options.seed, budget, report)
    scores = Predict(predictor)(validation.features)
    found = metrics.compute(spec.label.task, validation.labels, scores, validation.weights)
    return Trained(predictor, found, chosen, trees=trees, history=history, predictions=scores)


def refit(
    spec: Spec,
    inputs: tuple[Input, ...],
    trained: Trained,
    train: TransformedRows,
    validation: TransformedRows,
    options: Train,
    report: Report = progress.report,
) -> Trained:
    """Trains on train and validation with a tenth more trees than were found; its metrics are those that were found."""
    chosen = {**trained.hyperparameters, "iterations": max(1, round((trained.trees or 0) * _MORE_TREES))}
    both = train.joined(validation)
    if options.class_weights:
        both = both.balanced()
    predictor, trees, _ = _fit(spec, inputs, chosen, both, None, options.seed, None, report)
    return Trained(predictor, trained.metrics, trained.hyperparameters, trees=trees)


def _fit(
    spec: Spec,
    inputs: tuple[Input, ...],
    hyperparameters: Mapping[str, Any],
    train: TransformedRows,
    stop_on: TransformedRows | None,
    seed: int,
    budget: float | None,
    report: Report,
) -> tuple[keras.Model, int, dict[str, list[float]]]:
    """Returns the predictor, the number of trees and the losses after each."""
    end = None if budget is None else time.monotonic() + budget
    head = Head.of(spec.label, train.labels, train.weights)
    report("target means", 0, hyperparameters["iterations"])
    labels = _labels(head, train.labels)
    targets = np.eye(head.outputs)[labels] if spec.label.task == "multiclass" else labels[:, None].astype(np.float64)
    encoding = Encoding.of(inputs, train.features, targets, train.weights, seed)
    encoded = encoding.fit(train.features, targets, train.weights, seed)
    for column in encoded.T:
        column[:] = _merged(column)
    pool = catboost.Pool(encoded, labels, weight=train.weights)
    checked = None
    if stop_on is not None:
        features = encoding.encode(stop_on.features, len(stop_on))
        checked = catboost.Pool(features, _labels(head, stop_on.labels), weight=stop_on.weights)
    trees, history = _boosted(head, hyperparameters, pool, checked, seed, _Watch(end, hyperparameters, report))
    packed = keras_inputs(inputs)
    predictor = head.predictor(keras.Model(packed, Forest.of(trees)(encoding(packed)), name="trees"))
    return predictor, len(trees.leaves), history


def _merged(values: np.ndarray) -> np.ndarray:
    """Returns the values, of which those that differ by no more than an error of rounding have become the least.

    A border between them would make a prediction depend on such an error, which differs with the size of the batch.
    """
    found, places = np.unique(values, return_inverse=True)
    magnitude = np.abs(found).clip(np.nanmedian(np.abs(found)) if np.isfinite(found).any() else 0.0)
    apart = np.diff(found, prepend=-np.inf) > _SAME * magnitude
    starts = found[np.maximum.accumulate(np.where(apart, np.arange(len(found)), 0))]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.floor((found - starts) / (_SAME * magnitude))  # a long row of near values is not one
    new = apart | (np.diff(steps, prepend=0) != 0)
    return found[np.maximum.accumulate(np.where(new, np.arange(len(found)), 0))][places]


def _labels(head: Head, labels: np.ndarray) -> np.ndarray:
    """Returns class indexes, or standardised numbers."""
    if head.task != "regression":
        return labels
    encoded = head.encode(labels)[:, 0]
    return encoded if head.moments.outlier is None else np.clip(encoded, -_FARTHEST, _FARTHEST)


def _boosted(
    head: Head,
    hyperparameters: Mapping[str, Any],
    pool: catboost.Pool,
    checked: catboost.Pool | None,
    seed: int,
    watch: "_Watch",
) -> tuple[Trees, dict[str, list[float]]]:
    if not _varies(pool):
        return Trees.constant(_prior(head, pool)), {}
    model = catboost.CatBoost(
        {
            "loss_function": _LOSSES[head.task],
            **({"classes_count": head.outputs} if head.task == "multiclass" else {}),
            **hyperparameters,
            "random_seed": seed,
            "thread_count": -1,
            "allow_writing_files": False,
            "allow_const_label": True,
            "logging_level": "Silent",
        }
    )
    stopping = {} if checked is None else {"early_stopping_rounds": _PATIENCE, "use_best_model": True}
    model.fit(pool, eval_set=checked, callbacks=[watch], log_cerr=io.StringIO(), **stopping)
    names = {"learn": "loss", "validation": "val_loss"}
    logged = {names[part]: next(iter(curves.values())) for part, curves in model.get_evals_result().items()}
    return read(model), logged


def read(model: catboost.CatBoost) -> Trees:
    """Returns the trees of a trained model."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.json")
        model.save_model(str(path), format="json")
        return Trees.of(json.loads(path.read_text(encoding="utf-8")))


def _varies(pool: catboost.Pool) -> bool:
    """Returns whether there is a feature with two values and a label with two: without them CatBoost has no trees."""
    features, labels = pool.get_features(), np.asarray(pool.get_label())
    differs = (features != features[:1]) & ~(np.isnan(features) & np.isnan(features[:1]))
    return bool(differs.any()) and len(np.unique(labels)) > 1


def _prior(head: Head, pool: catboost.Pool) -> np.ndarray:
    """Returns the outputs where nothing is known but the labels; a class has half a row more than it has."""
    labels, weights = np.asarray(pool.get_label(), np.float64), np.asarray(pool.get_weight())
    if head.task == "regression":
        return np.array([np.average(labels, weights=weights)])
    counts = np.bincount(labels.astype(int), weights, max(2, head.outputs)) + 0.5
    logits = np.log(counts / counts.sum())
    return logits if head.task == "multiclass" else logits[1:] - logits[:1]


class _Watch:
    """Reports the progress once a second, and stops when the time has run out."""

    def __init__(self, end: float | None, hyperparameters: Mapping[str, Any], report: Report) -> None:
        self._end, self._most, self._report = end, hyperparameters["iterations"], report
        self._reported = 0.0

    def after_iteration(self, info: Any) -> bool:
        """Returns whether to go on; CatBoost calls it after each tree."""
        now = time.monotonic()
        if now - self._reported > 1:
            self._reported = now
            losses = [f" loss {curve[-1]:.4f}" for part in info.metrics.values() for curve in part.values()]
            self._report(
                f"tree {info.iteration}/{self._most}{losses[-1] if losses else ''}", info.iteration, self._most
            )
        return self._end is None or now < self._end

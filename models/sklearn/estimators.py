"""Defines the estimators."""

import pathlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn import base, model_selection, utils
from sklearn.utils import multiclass, validation

from core.config.sections import Train
from core.errors import UserError
from core.spec import Kind, Label, Spec, Task
from core.text import unknown
from models import families
from models.sklearn import frames

# The checks of scikit-learn's `check_estimator` that are not passed, and why.
_DIFFERENT = {
    "check_methods_sample_order_invariance": "scores are float32, whose last digit depends on the place in the batch",
    "check_sample_weights_invariance": "the order of the rows decides which of them are for early stopping",
}


class _Estimator(base.BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor share.

    Args:
        family: the model family.
        hyperparameters: those of the family that differ from its defaults.
        kinds: the kinds of columns in place of those of their types, such as {"zip": "categorical"}.
        epochs: the largest number of epochs; large tables need fewer.
        batch_size: rows per step; None: by the number of rows.
        patience: training stops after so many epochs without a lower loss on the validation rows.
        validation_fraction: the share of the rows for early stopping.
        random_state: the seed of the validation rows and of the training; None is 0.

    Attributes:
        fitted_: the trained model.
        validation_metrics_: its metrics on the validation rows.
        n_features_in_: the number of columns.
        feature_names_in_: their names, where they are texts.
    """

    def __init__(
        self,
        family: str = "mlp",
        hyperparameters: Mapping[str, Any] | None = None,
        kinds: Mapping[str, Kind] | None = None,
        epochs: int = 30,
        batch_size: int | None = None,
        patience: int = 4,
        validation_fraction: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.family = family
        self.hyperparameters = hyperparameters
        self.kinds = kinds
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def _more_tags(self) -> dict[str, Any]:
        """Says that missing values are taken, and which checks of scikit-learn do not apply, and why."""
        return {"allow_nan": True, "_xfail_checks": _DIFFERENT}

    def export(self, path: str | pathlib.Path) -> None:
        """Writes the SavedModel, as a run of the pipeline pushes it, into a new folder.

        Raises:
            GateError: it does not predict as the model in memory did.
        """
        validation.check_is_fitted(self)
        self.fitted_.export(pathlib.Path(path))

    def _fit(self, X: Any, label: Label, y: np.ndarray, weights: np.ndarray | None) -> Self:
        """Trains on checked labels."""
        from models.sklearn import training

        frame = frames.as_frame(X)
        if self.family not in families.FAMILIES:
            raise UserError(unknown("model family", self.family, list(families.FAMILIES)))
        families.check(self.family, self.hyperparameters or {})
        spec = Spec(
            label,
            frames.features(frame, self.kinds or {}),
            family=self.family,
            hyperparameters=dict(self.hyperparameters or {}),
        )
        seed = int(utils.check_random_state(self.random_state or 0).randint(2**31 - 1))
        options = Train(epochs=self.epochs, batch_size=self.batch_size, patience=self.patience, seed=seed)
        held_out = _validation_rows(y, self.validation_fraction, seed, label.task)
        columns = frames.columns(frame, spec.features)
        self.fitted_ = training.fit(spec, columns, y, weights, held_out, options)
        self.validation_metrics_ = dict(self.fitted_.metrics)
        return self

    def _predictions(self, X: Any) -> np.ndarray:
        validation.check_is_fitted(self)
        frame = frames.as_frame(self._checked(X, reset=False))
        return self.fitted_.predictions(frames.columns(frame, self.fitted_.spec.features))

    def _checked(self, X: Any, reset: bool) -> Any:
        """Returns a data frame as it is, and what else there is as an array of numbers."""
        if not hasattr(X, "iloc"):
            return self._validate_data(X, reset=reset, dtype=np.float64, force_all_finite="allow-nan")
        self._check_feature_names(X, reset=reset)
        self._check_n_features(X, reset=reset)
        if not len(X):
            raise ValueError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
        return X


class SkewlessClassifier(base.ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A classifier; see `_Estimator` for the arguments. `classes_` are the classes in the order of the scores."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains on a data frame or an array [rows, features] of numbers; NaN and None are missing values.

        Raises:
            UserError: the family, a hyperparameter or a column is not known.
            ValueError: the labels are missing or have a single class.
        """
        X = self._checked(X, reset=True)
        y = utils.column_or_1d(y, warn=True)
        multiclass.check_classification_targets(y)
        X, y, weights = _counted(X, y, sample_weight)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"The labels have 1 class, {self.classes_[0]!r}, and at least two were expected.")
        names = tuple(map(str, self.classes_))
        names = names if len(set(names)) == len(names) else tuple(map(str, range(len(names))))
        task: Task = "binary" if len(names) == 2 else "multiclass"
        return self._fit(X, Label("label", task, "text", names), codes.astype(np.int64), weights)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Returns the scores of the classes, float32[rows, classes]."""
        return self._predictions(X)

    def predict(self, X: Any) -> np.ndarray:
        """Returns the class with the highest score for each row."""
        scores = self.predict_proba(X)
        return self.classes_[scores.argmax(axis=1)]


class SkewlessRegressor(base.RegressorMixin, _Estimator):  # type: ignore[misc]
    """A regressor; see `_Estimator` for the arguments."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains on a data frame or an array [rows, features] of numbers; NaN and None are missing values.

        Raises:
            UserError: the family, a hyperparameter or a column is not known.
            ValueError: labels are missing.
        """
        X = self._checked(X, reset=True)
        y = utils.check_array(utils.column_or_1d(y, warn=True), ensure_2d=False, dtype=np.float64)
        X, y, weights = _counted(X, y, sample_weight)
        return self._fit(X, Label("label", "regression", "double"), y, weights)

    def predict(self, X: Any) -> np.ndarray:
        """Returns the prediction of each row, float[rows]."""
        return self._predictions(X)


def _counted(X: Any, y: np.ndarray, sample_weight: Any) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Returns the rows with a weight, their labels and their weights."""
    validation.check_consistent_length(X, y)
    if sample_weight is None:
        return X, y, None
    weights = validation._check_sample_weight(sample_weight, X)
    kept = weights > 0
    return (X.iloc[kept] if hasattr(X, "iloc") else X[kept]), y[kept], weights[kept]


def _validation_rows(y: np.ndarray, share: float, seed: int, task: Task) -> np.ndarray:
    """Returns the rows for early stopping, bool[rows]: of each class where that is possible, and none of a few rows."""
    found = np.zeros(len(y), bool)
    if len(y) < 20:
        return found
    least = np.bincount(y).min() if task != "regression" else 0
    stratified = y if least >= 2 and share * len(y) >= len(np.unique(y)) else None
    _, rows = model_selection.train_test_split(
        np.arange(len(y)), test_size=share, random_state=seed, stratify=stratified
    )
    found[rows] = True
    return found

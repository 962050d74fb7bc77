"""Trains another library at its defaults, in a process of its own, for the comparison of benchmarks/quality.py.

    python benchmarks/rivals.py LIBRARY FOLDER SECONDS

The folder has `rows.parquet`, whose first rows are those to train on and whose label is the column `label`, and
`rows.json` with the task and the number of the first rows. The predictions for the other rows are written to
`predictions.npy`; the seconds of training and prediction are printed. SECONDS limits the libraries that search.
"""

import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

LABEL = "label"
_CATEGORIES = 254  # the most that HistGradientBoosting takes
Predictions = Callable[[pd.DataFrame], np.ndarray]


def main() -> None:
    """Trains the library that the arguments name."""
    name, folder, seconds = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
    known = json.loads((folder / "rows.json").read_text())
    rows = pd.read_parquet(folder / "rows.parquet")
    labels = rows.pop(LABEL).to_numpy()[: known["train"]]
    # LightGBM takes no names with characters of JSON.
    rows.columns = pd.Index([f"feature_{place}" for place in range(rows.shape[1])])
    train, test = rows[: known["train"]], rows[known["train"] :]
    begun = time.monotonic()
    predictions = FITS[name](known["task"], train, labels, seconds)(test)
    print(time.monotonic() - begun)
    np.save(folder / "predictions.npy", np.asarray(predictions))


def _hist_gradient_boosting(task: str, train: pd.DataFrame, labels: np.ndarray, _: float) -> Predictions:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    names = train.select_dtypes("category").columns
    most = {name: train[name].value_counts().index[:_CATEGORIES].tolist() for name in names}

    def frequent(frame: pd.DataFrame) -> pd.DataFrame:
        """Returns the frame with rare categories as missing."""
        return frame.assign(**{name: frame[name].cat.set_categories(values) for name, values in most.items()})

    made = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    predict = _predict(task, made(random_state=0, categorical_features="from_dtype").fit(frequent(train), labels))
    return lambda frame: predict(frequent(frame))


def _xgboost(task: str, train: pd.DataFrame, labels: np.ndarray, _: float) -> Predictions:
    import xgboost

    made = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    return _predict(task, made(random_state=0, enable_categorical=True).fit(train, labels))


def _lightgbm(task: str, train: pd.DataFrame, labels: np.ndarray, _: float) -> Predictions:
    import lightgbm

    made = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    return _predict(task, made(random_state=0, verbose=-1).fit(train, labels))


def _catboost(task: str, train: pd.DataFrame, labels: np.ndarray, _: float) -> Predictions:
    import catboost

    made = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    model = made(random_seed=0, verbose=False, allow_writing_files=False)
    return _predict(task, model.fit(train, labels, cat_features=list(train.select_dtypes("category").columns)))


def _autogluon(task: str, train: pd.DataFrame, labels: np.ndarray, seconds: float) -> Predictions:
    from autogluon.tabular import TabularPredictor

    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"}[task]
    folder = tempfile.TemporaryDirectory()
    model = TabularPredictor(LABEL, problem_type=task, eval_metric=metric, path=folder.name, verbosity=0)
    model.fit(train.assign(**{LABEL: labels}), time_limit=seconds)

    def predict(frame: pd.DataFrame) -> np.ndarray:
        with folder:
            return np.asarray(model.predict(frame) if task == "regression" else model.predict_proba(frame))

    return predict


def _predict(task: str, model: object) -> Predictions:
    """Returns the method of a scikit-learn estimator that gives numbers, or the scores of the classes."""
    method: Predictions = getattr(model, "predict" if task == "regression" else "predict_proba")
    return method


FITS = {
    "HistGradientBoosting": _hist_gradient_boosting,
    "XGBoost": _xgboost,
    "LightGBM": _lightgbm,
    "CatBoost": _catboost,
    "AutoGluon": _autogluon,
}


if __name__ == "__main__":
    main()

"""Tests the estimators inside scikit-learn, with real training on a few rows."""

import pathlib
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.errors import GateError, UserError
from models.serving.served_model import ServedModel
from models.sklearn import SkewlessClassifier, SkewlessRegressor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows():
    """200 rows with numbers, texts and times; the label follows age and town together."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": random.normal(size=200),
            "town": random.choice(["Bonn", "Köln"], 200),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 90, 200), "D"),
        }
    )
    labels = np.where((frame["age"] > 0) & (frame["town"] == "Bonn"), "yes", "no")
    frame.loc[0, "age"], frame.loc[1, "town"], frame.loc[2, "when"] = np.nan, None, pd.NaT
    return frame, labels


@pytest.fixture(scope="module")
def fitted(rows):
    return SkewlessClassifier(family="trees", hyperparameters={"iterations": 50}).fit(*rows)


def test_it_learns_from_a_data_frame_and_takes_what_it_never_saw(fitted, rows):
    frame, labels = rows
    assert fitted.score(frame, labels) > 0.9
    assert list(fitted.classes_) == ["no", "yes"]
    assert list(fitted.feature_names_in_) == ["age", "town", "when"]
    strange = pd.DataFrame({"age": [None, 1e9], "town": ["Ulm", None], "when": [pd.NaT, pd.Timestamp("2030-01-01")]})
    scores = fitted.predict_proba(strange)
    assert scores.shape == (2, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_pickled_it_predicts_the_same(fitted, rows):
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(rows[0]), fitted.predict_proba(rows[0]))


def test_exported_it_is_the_served_model_with_its_signatures(fitted, rows, tmp_path):
    fitted.export(tmp_path / "1")
    served = ServedModel(str(tmp_path / "1"))
    assert set(served.signatures) >= {"predict", "serving_default", "transform_features"}
    assert served.classes() == ("no", "yes")
    columns = {"age": np.array([1.0, -1.0]), "town": np.array([b"Bonn", b"Bonn"]), "when": np.array([0.0, np.nan])}
    frame = pd.DataFrame({"age": [1.0, -1.0], "town": ["Bonn", "Bonn"], "when": [pd.Timestamp(0), pd.NaT]})
    np.testing.assert_array_equal(served.predictions(columns), fitted.predict_proba(frame))


def test_a_model_that_predicts_otherwise_is_not_exported_without_a_word(fitted, tmp_path):
    other = clone(fitted).set_params(hyperparameters={"iterations": 60})
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"age": random.normal(size=40), "town": ["Bonn", "Köln"] * 20, "when": pd.Timestamp(0)})
    other.fit(frame, np.array(["no", "yes"] * 20))
    object.__setattr__(other.fitted_, "expected", fitted.fitted_.expected)
    with pytest.raises(GateError, match="is not the one that was trained"):
        other.export(pathlib.Path(tmp_path / "1"))


def test_a_grid_search_over_a_pipeline_finds_the_better_family():
    random = np.random.default_rng(0)
    X = random.normal(size=(160, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), SkewlessClassifier(epochs=3))
    grid = [
        {"skewlessclassifier__family": ["linear"]},
        {"skewlessclassifier__family": ["trees"], "skewlessclassifier__hyperparameters": [{"iterations": 50}]},
    ]
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_params_["skewlessclassifier__family"] == "trees"


def test_it_can_be_calibrated(fitted, rows):
    frame, labels = rows
    calibrated = CalibratedClassifierCV(fitted, cv="prefit").fit(frame, labels)
    assert calibrated.predict_proba(frame).shape == (200, 2)


def test_a_regressor_takes_weights():
    X = np.linspace(0, 1, 100)[:, None]
    y = np.where(np.arange(100) % 2, 10.0, 0.0)
    weights = np.where(np.arange(100) % 2, 1.0, 0.0)
    model = SkewlessRegressor(family="linear", epochs=10).fit(X, y, sample_weight=weights)
    assert model.predict(X).mean() == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"family": "tree"}, "Did you mean 'trees'"), ({"hyperparameters": {"unit": 8}}, "Did you mean 'units'")],
)
def test_what_is_not_known_is_named(rows, arguments, message):
    with pytest.raises(UserError, match=message):
        SkewlessClassifier(**arguments).fit(*rows)

"""Runs scikit-learn's own checks of estimators on the classifier and the regressor."""

import functools

import pytest
from sklearn.utils.estimator_checks import check_estimator

from models.sklearn import SkewlessClassifier, SkewlessRegressor

pytestmark = pytest.mark.slow

ESTIMATORS = [SkewlessClassifier, SkewlessRegressor]
# Each trains up to a dozen models, and is left out for its time. They were passed when this was written; those that
# `_more_tags` names are skipped with the reason.
LONG = {
    "check_classifier_data_not_an_array",
    "check_classifiers_classes",
    "check_classifiers_one_label_sample_weights",
    "check_classifiers_train",
    "check_estimators_dtypes",
    "check_fit_idempotent",
    "check_methods_subset_invariance",
    "check_regressor_data_not_an_array",
    "check_regressors_int",
    "check_regressors_train",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
    "check_supervised_y_2d",
}


def checks(estimator):
    """Yields the estimator and each check, which is named by its function."""
    made = estimator(family="trees", hyperparameters={"iterations": 50})
    for model, check in check_estimator(made, generate_only=True):
        name = check.func.__name__ if isinstance(check, functools.partial) else check.__name__
        yield pytest.param(model, check, id=f"{estimator.__name__}-{name}"), name


OF_BOTH = {name for _, name in checks(SkewlessClassifier)}  # their code is that of both, and the classifier runs them
SHORT = [one for one, name in checks(SkewlessClassifier) if name not in LONG]
SHORT += [one for one, name in checks(SkewlessRegressor) if name not in LONG | OF_BOTH]


def test_the_checks_that_are_left_out_exist():
    assert {name for estimator in ESTIMATORS for _, name in checks(estimator)} >= LONG


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("model", "check"), SHORT)
def test_check(model, check):
    check(model)

"""The check of a configuration's gates, before anything runs."""

import numpy as np
import pytest

from core.errors import UserError
from models.evaluation import gates, metrics


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_names_are_those_that_are_computed(task):
    labels = np.array([0, 1, 0, 1])
    predictions = np.array([0.1, 0.9, 0.2, 0.7])
    if task == "multiclass":
        predictions = np.stack([1 - predictions, predictions], axis=1)
    assert set(gates.METRICS[task]) == set(metrics.compute(task, labels, predictions))


def test_limits_of_known_metrics_pass():
    gates.check("binary", {"auc": {"min": 0.7, "slice_min": 0.6}, "log_loss": {"max": 1}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"acuracy": {"min": 0.7}}, r"evaluate.gates.acuracy: .* Expected one of auc, .*\. Did you mean 'accuracy'\?"),
        ({"rmse": {"max": 3}}, r"there is no metric of a binary task called 'rmse'"),
        ({"auc": {"minimum": 0.7}}, r"evaluate.gates.auc.minimum: .*Did you mean 'min'\?"),
        ({"auc": 0.7}, r"evaluate.gates.auc is 0.7, and a limit was expected: write \{min: 0.7\}"),
        ({"auc": {}}, r"a limit was expected"),
        ({"auc": {"min": "high"}}, r"evaluate.gates.auc.min is 'high', and a number was expected"),
        ({"auc": {"min": True}}, r"a number was expected"),
        ({"auc": {"min": float("nan")}}, r"a number was expected"),
    ],
)
def test_what_is_wrong_is_named(given, message):
    with pytest.raises(UserError, match=message):
        gates.check("binary", given)


@pytest.mark.parametrize(
    ("value", "text"), [(0.9123, "0.912"), (0.5, "0.500"), (0.00123, "0.0012"), (0.0, "0.000"), (51234.2, "51,234")]
)
def test_numbers_are_readable(value, text):
    assert gates.shown(value) == text

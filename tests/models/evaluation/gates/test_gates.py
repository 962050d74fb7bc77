"""The check of the metric names in a configuration, and the limits that its section accepts."""

import subprocess
import sys

import pydantic
import pytest

from core.config.sections import Evaluate
from core.errors import UserError
from models.evaluation import gates
from models.evaluation.gates.base import shown


def test_limits_of_known_metrics_pass():
    gates.check("binary", Evaluate(gates={"auc": {"min": 0.7, "slice_min": 0.6}, "log_loss": {"max": 1.0}}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("acuracy", r"evaluate.gates.acuracy: .* Expected one of auc, .*\. Did you mean 'accuracy'\?"),
        ("rmse", r"there is no metric of a binary task called 'rmse'"),
    ],
)
def test_metric_of_another_task_is_named(given, message):
    with pytest.raises(UserError, match=message):
        gates.check("binary", Evaluate(gates={given: {"min": 0.5}}))


def test_rates_of_groups_are_of_binary_tasks():
    limits = Evaluate(sensitive=(("town",),), max_gaps={"true_positive_rate": 0.1, "auc": 0.1})
    gates.check("binary", limits)
    with pytest.raises(UserError, match=r"evaluate\.max_gaps\.true_positive_rate: there is no metric of a multiclass"):
        gates.check("multiclass", limits)
    with pytest.raises(pydantic.ValidationError, match="max_gaps are given without groups"):
        Evaluate(max_gaps={"auc": 0.1})


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"minimum": 0.7}, r"gates.auc.minimum\n.*not permitted"),
        (0.7, r"gates.auc\n.*should be a valid dictionary"),
        ({}, r"a gate without limits"),
        ({"min": "high"}, r"gates.auc.min\n.*should be a valid number"),
        ({"min": True}, r"should be a valid number"),
        ({"min": float("nan")}, r"should be a finite number"),
    ],
)
def test_section_refuses_what_is_not_a_limit(limits, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        Evaluate.model_validate({"gates": {"auc": limits}})


@pytest.mark.parametrize(
    ("value", "text"), [(0.9123, "0.912"), (0.5, "0.500"), (0.00123, "0.0012"), (0.0, "0.000"), (51234.2, "51,234")]
)
def test_numbers_are_readable(value, text):
    assert shown(value) == text


def test_registries_are_imported_without_scikit_learn_and_tensorflow():
    code = (
        "import sys; from models.evaluation import gates, metrics; from models.serving import model_versions; "
        "print({'sklearn', 'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

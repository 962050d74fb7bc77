"""The metric of docs/adding/metric.md works as it stands there."""

import pathlib

import numpy as np
import pytest

from core.config.sections import Evaluate
from models.evaluation import gates, metrics
from tests.conformance.adding import documents


@pytest.fixture(autouse=True)
def metric(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds the document's module and its line of METRICS."""
    documents.add("metric.md", metrics.METRICS, tmp_path, monkeypatch, "mape")


def test_new_metric_is_computed_for_its_task():
    labels, predictions = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    found = metrics.compute("regression", labels, predictions, np.array([1.0, 0.0, 3.0]))
    assert found["mape"] == pytest.approx((0.5 + 3 * 0.25) / 4)
    assert list(found) == ["rmse", "mae", "r2", "mape"]
    assert "mape" not in metrics.compute("regression", np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    assert "mape" not in metrics.compute("binary", np.array([0, 1]), np.array([0.5, 0.5]))


def test_new_metric_may_have_limits():
    gates.check("regression", Evaluate(gates={"mape": {"max": 0.5}}))

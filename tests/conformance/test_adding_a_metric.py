"""The metric of docs/adding_a_metric.md works as it stands there."""

import importlib
import pathlib
import re

import numpy as np
import pytest

from models.evaluation import gates, metrics

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "adding_a_metric.md"


@pytest.fixture(autouse=True)
def metric(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds the document's module and its line of METRICS."""
    code, line = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (tmp_path / "metric_from_the_document.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("metric_from_the_document")
    ((name, metric),) = eval(f"{{{line}}}", {"mape": module}).items()
    monkeypatch.setitem(metrics.METRICS, name, metric)


def test_new_metric_is_computed_for_its_task():
    labels, predictions = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    found = metrics.compute("regression", labels, predictions, np.array([1.0, 0.0, 3.0]))
    assert found["mape"] == pytest.approx((0.5 + 3 * 0.25) / 4)
    assert list(found) == ["rmse", "mae", "r2", "mape"]
    assert "mape" not in metrics.compute("regression", np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    assert "mape" not in metrics.compute("binary", np.array([0, 1]), np.array([0.5, 0.5]))


def test_new_metric_may_have_limits():
    gates.check("regression", ["mape"])

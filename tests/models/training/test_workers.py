"""Which environment variables for several processes are refused."""

import json

import pytest

from core.errors import UserError
from models.training import workers


@pytest.mark.parametrize(
    "cluster", [{}, {"chief": ["localhost:1"]}, {"worker": ["localhost:1"]}, {"chief": ["a:1"], "ps": ["b:1"]}]
)
def test_one_worker_trains(monkeypatch, cluster):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "chief", "index": 0}}))
    workers.check_one()


def test_without_tf_config(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    workers.check_one()


@pytest.mark.parametrize("cluster", [{"worker": ["a:1", "b:1"]}, {"chief": ["a:1"], "worker": ["b:1"]}])
def test_several_workers_are_refused_with_the_reason_and_the_remedy(monkeypatch, cluster):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster}))
    with pytest.raises(
        UserError, match=r"TF_CONFIG names 2 workers \(a:1, b:1\), and Keras 3 cannot .* Unset TF_CONFIG"
    ):
        workers.check_one()


@pytest.mark.parametrize("text", ["{", "[]", '{"cluster": 3}'])
def test_what_is_no_tf_config_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="TF_CONFIG is not"):
        workers.check_one()

"""A pushed model under load, in the short form of `make bench-load`: a push and a rollback lose no request."""

import pytest

from benchmarks.load import load
from tests.pipeline.monitoring import made


@pytest.mark.slow
def test_a_push_and_a_rollback_lose_no_request(tmp_path):
    found = load.run(made.push(tmp_path), seconds=4.5, clients=2)
    assert found.errors == []
    assert found.versions == [1, 2]
    assert found.largest <= 1e-6
    assert list(found.phases) == ["version 1", "a push", "a rollback"]
    assert all(len(times) > 20 for times in found.phases.values())

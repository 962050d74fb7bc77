"""Fixtures that several stages share."""

import pytest


@pytest.fixture(scope="session")
def prepared_stages(tmp_path_factory):
    from tests.components import prepared_stages

    return prepared_stages.prepare(tmp_path_factory.mktemp("stages"))

"""Drift by feature, on requests made to drift and on requests that do not."""

import numpy as np
import pytest

from pipeline.monitoring import reference
from pipeline.monitoring.drift import domain_classifier
from pipeline.monitoring.drift import feature_drift as drift
from pipeline.monitoring.drift.significance import FALSE_ALARMS
from tests.pipeline.monitoring import made


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> reference.Reference:
    """What the model was trained on."""
    return reference.read(made.push(tmp_path_factory.mktemp("run")) / "1")


def _found(trained, count, seed, **drifted):
    table = made.rows(count, seed, **drifted)
    schema = made.examples.arrow_schema({feature.name: feature.payload for feature in made.FEATURES})
    counted = drift.Drift(trained.columns)
    counted.add(made._lists(table, schema).combine_chunks().to_batches()[0])
    results = counted.results()
    level = drift.alpha(results, more=2)
    return {feature.name: feature.reasons(level) for feature in results}


def test_unchanged_requests_raise_an_alarm_in_at_most_one_of_twenty_reports(trained):
    alarms = [any(_found(trained, 2_000, seed).values()) for seed in range(100, 200)]
    assert FALSE_ALARMS <= 0.05
    assert np.mean(alarms) <= 0.05


def test_half_a_standard_deviation_is_found(trained):
    assert _found(trained, 10_000, 10, age=0.5) == {"age": ["distribution"], "noise": [], "town": []}


def test_a_doubled_share_of_a_category_is_found(trained):
    shares = [0.45, 0.3, 0.15, 0.1]
    assert _found(trained, 10_000, 11, shares=shares) == {"age": [], "noise": [], "town": ["distribution"]}


def test_newly_missing_values_are_found(trained):
    assert _found(trained, 10_000, 12, missing=0.05) == {"age": ["missing values"], "noise": [], "town": []}


def test_jensen_shannon_has_base_2():
    assert drift.jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
    # middle 3/4, 1/4: (log2(4/3) + (log2(2/3) + log2(2)) / 2) / 2
    assert drift.jensen_shannon(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(0.311278)


def test_repeated_requests_are_no_joint_drift():
    """Each of 200 requests is there 25 times: trees that are fitted to some of them know the others again."""
    random = np.random.default_rng(1)
    test, distinct = random.normal(size=(5_000, 4)), random.normal(size=(200, 4))
    found = domain_classifier.joint_drift(np.repeat(distinct, 25, axis=0), test, 0.01)
    assert not found.drifted
    distinct[:, 1] = distinct[:, 0]
    assert domain_classifier.joint_drift(np.repeat(distinct, 25, axis=0), test, 0.01).drifted


def test_one_request_alone_is_no_joint_drift():
    found = domain_classifier.joint_drift(np.ones((500, 2)), np.random.default_rng(1).normal(size=(500, 2)), 0.01)
    assert not found.drifted

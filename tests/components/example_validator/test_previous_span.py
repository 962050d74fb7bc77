"""Which statistics count as those of the span before."""

from tfx.types import standard_artifacts

from components.example_validator.previous_span import STATISTICS_ID, LatestValidatedBefore


def statistics(identifier):
    artifact = standard_artifacts.ExampleStatistics()
    artifact.id = identifier
    return artifact


def anomalies(of):
    artifact = standard_artifacts.ExampleAnomalies()
    artifact.set_int_custom_property(STATISTICS_ID, of)
    return artifact


def before(current, validated, known):
    found = LatestValidatedBefore().resolve_artifacts(
        None,
        {
            "statistics": [statistics(each) for each in known],
            "anomalies": [anomalies(each) for each in validated],
            "current": [statistics(current)],
        },
    )
    return [artifact.id for artifact in found["statistics"]]


def test_a_first_run_has_none():
    assert before(current=1, validated=[], known=[1]) == []


def test_the_latest_that_passed_counts():
    assert before(current=5, validated=[1, 3, 5], known=[1, 3, 4, 5]) == [3]


def test_later_ones_do_not_count():
    assert before(current=3, validated=[1, 3, 5], known=[1, 3, 5]) == [1]

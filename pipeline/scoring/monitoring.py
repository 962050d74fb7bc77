"""Checks the tests of the rubric on monitoring."""

from pipeline.reporting.run_record import RunRecord
from pipeline.scoring.finding import Evidence, Finding, all_of, judged, needs, quoted, staged, tested

_NO_TESTS = "The tests are not in this checkout."


def dependency_changes(record: RunRecord) -> Finding:
    """Checks that a change of a library, or of the data, is named before a run."""
    node = (
        "tests/pipeline/run/test_code_dependencies.py::"
        "test_a_library_in_the_lock_changes_the_stages_that_import_it_and_those_below_them"
    )
    folder = record.folder
    command = f"python pipeline/run_local.py {quoted(folder.config)} --out {quoted(folder.path)} --dry-run"
    named = Evidence("Changes of data, configuration, code and libraries since the last run are named.", command)
    tests = tested(node, "A changed library makes the stages that import it run again.")
    return all_of("There is no run to compare with.", tests, named if record.executions else None)


def data_invariants(record: RunRecord) -> Finding:
    """Checks that the inputs of training were validated, and that those of serving can be."""
    return all_of(
        "The run ended before the validation, or the tests are not in this checkout.",
        staged(record, "ExampleValidator", "The inputs of training were validated."),
        tested("tests/pipeline/monitoring/test_drift.py", "`monitor.py` raises an alarm where requests drift."),
    )


def serving_skew(record: RunRecord) -> Finding:
    """Checks that the served model gives what the trained one gave."""
    return judged(record, "The run ended before the ServingValidator.", "parity", "signatures")


def model_age(record: RunRecord) -> Finding:
    """A person has to check this."""
    command = f"python pipeline/monitor.py --model {quoted(record.folder.serving)} --requests FILES --max-age DAYS"
    return needs(f"Let `{command}` run regularly: it raises an alarm where the served model is older.")


def numerical_stability(record: RunRecord) -> Finding:
    """Checks that all predictions are finite numbers, also for rows with missing and unknown values."""
    finding = judged(record, "The run ended before the ServingValidator.", "outputs", "odd rows")
    diverged = tested(
        "tests/models/networks/test_fit.py::test_diverging_is_said_before_the_epoch_ends",
        "A training that diverges stops.",
    )
    return all_of(finding.missing or _NO_TESTS, *finding.evidence, diverged if finding.passed else None)


def computing_performance(record: RunRecord) -> Finding:
    """Checks that the latency of the served model has a limit."""
    return judged(record, "Set a limit for the latency, such as `serve: {max_p50_ms: 50}`.", "p50")


def served_quality(record: RunRecord) -> Finding:
    """A person has to check this."""
    command = f"python pipeline/monitor.py --model {quoted(record.folder.serving)} --requests FILES --labels FILES"
    return needs(f"Let `{command} --key COLUMN` run regularly: it watches the metrics on labels that came later.")


CHECKS = {
    "dependency_changes": dependency_changes,
    "data_invariants": data_invariants,
    "serving_skew": serving_skew,
    "model_age": model_age,
    "numerical_stability": numerical_stability,
    "computing_performance": computing_performance,
    "served_quality": served_quality,
}

"""Checks the tests of the rubric on the infrastructure."""

from models.serving import push_log
from pipeline.reporting.run_record import RunRecord
from pipeline.scoring.finding import Evidence, Finding, all_of, gates, judged_by, needs, quoted, tested

_NO_TESTS = "The tests are not in this checkout."


def reproducible(record: RunRecord) -> Finding:
    """Checks that the same seed gives the same model, and that this run has the digest of all that it depends on."""
    digest = record.summary.get("fingerprint")
    known = Evidence(f"Data, configuration and code of the run have the digest {digest}.",
                     f"grep fingerprint {quoted(record.folder.summary)}")  # fmt: skip
    networks = "tests/models/networks/test_fit.py::test_the_same_seed_gives_the_same_model"
    trees = "tests/models/trees/test_boosting.py::test_the_same_seed_gives_the_same_trees"
    return all_of(
        _NO_TESTS,
        tested(networks, "The same seed gives the same network."),
        tested(trees, "The same seed gives the same trees."),
        known if digest else None,
    )


def unit_tests(record: RunRecord) -> Finding:
    """Checks that the family of the model has tests."""
    family = record.summary.get("model", {}).get("family")
    found = tested(
        "tests/conformance/test_families.py", f"Each family learns, saves and loads; this model is of {family}."
    )
    return all_of(_NO_TESTS if family else "The run has no model.", found if family else None)


def integration(record: RunRecord) -> Finding:
    """Checks that a test runs the whole pipeline."""
    node = "tests/e2e/test_run.py::test_a_first_run_pushes_a_model"
    return all_of(_NO_TESTS, tested(node, "The whole pipeline runs, from a file to a pushed model."))


def validated_quality(record: RunRecord) -> Finding:
    """Checks that gates judged the model of this run; one that fails leaves what is served."""
    node = "tests/e2e/test_run.py::test_a_gate_that_is_not_passed_leaves_what_is_served"
    found = gates(record, "constant", "linear", "champion")
    finding = judged_by(record, "The run ended before the evaluation.", found)
    served = tested(node, "A model that fails a gate is not pushed.")
    return all_of(finding.missing or _NO_TESTS, *finding.evidence, served if finding.passed else None)


def debuggable(record: RunRecord) -> Finding:
    """Checks that the inputs of the network can be looked at for a single row."""
    node = "tests/models/serving/test_export.py::test_transform_features_gives_the_models_inputs_and_no_label"
    return all_of(_NO_TESTS, tested(node, "A signature of the served model gives the transformed features of a row."))


def canary(record: RunRecord) -> Finding:
    """Checks that the version was a canary first."""
    version = record.summary.get("serving", {}).get("version")
    tried = [push for push in push_log.entries(record.folder.serving) if version and push.get("canary") == version]
    if not tried:
        return needs(
            "The version was not tried beside the one that is served. Give it the label canary, send it a part of the "
            f"requests and promote it: `python pipeline/push.py --model {quoted(record.folder.serving)} --promote "
            "VERSION --as canary`."
        )
    what = f"Version {version} has been a canary since {tried[0].get('when', 'a time that is not known')}."
    return Finding(True, (Evidence(what, f"python pipeline/push.py --model {quoted(record.folder.serving)}"),))


def rollback(record: RunRecord) -> Finding:
    """Checks that an older version can be made stable."""
    node = (
        "tests/models/serving/test_version_changes.py::"
        "test_a_rollback_makes_an_older_version_stable_and_deletes_nothing"
    )
    return all_of(_NO_TESTS, tested(node, "`push.py --rollback` makes an older version stable, and deletes nothing."))


CHECKS = {
    "reproducible": reproducible,
    "unit_tests": unit_tests,
    "integration": integration,
    "validated_quality": validated_quality,
    "debuggable": debuggable,
    "canary": canary,
    "rollback": rollback,
}

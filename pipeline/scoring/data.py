"""Checks the tests of the rubric on features and data."""

from pipeline.reporting.run_record import RunRecord
from pipeline.scoring.finding import (
    Evidence,
    Finding,
    all_of,
    gates,
    judged_by,
    needs,
    quoted,
    staged,
    tested,
)

_NOT_RUN = "The run ended before it. Run the pipeline to its end."


def schema(record: RunRecord) -> Finding:
    """Checks that the splits were validated against a schema."""
    folder = record.uri("SchemaGen", "schema")
    origin = record.config.get("schema_file")
    what = f"The schema is the curated one, {origin}." if origin else "The schema was inferred from train."
    file = Evidence(what, f"cat {quoted(folder / 'schema.pbtxt')}") if folder else None
    checked = staged(record, "ExampleValidator", "All splits were compared with the schema, and anomalies stop a run.")
    return all_of(_NOT_RUN, file, checked)


def beneficial_features(record: RunRecord) -> Finding:
    """Checks that the loss on test is clearly higher where the values of any one feature are permuted."""
    found = record.explanation.get("importance")
    folder = record.uri("Evaluator", "evaluation")
    if not found or not folder:
        return needs(record.missing("importance"))
    idle = [feature["feature"] for feature in found if feature["loss"] - feature["half_width"] <= 0]
    what = f"Permuted on test, {len(found) - len(idle)} of {len(found)} features raise the loss clearly."
    evidence = Evidence(what, f"grep -A 90 importance {quoted(folder / 'explanation.json')}")
    if not idle:
        return Finding(True, (evidence,))
    some = ", ".join(idle[:8]) + (f" and {len(idle) - 8} more" if len(idle) > 8 else "")
    return needs(
        f"No clear benefit on test: {some}. Compare with a run without them (`--set features.NAME=ignore`, "
        "pipeline/compare.py), or test on more rows.",
        evidence,
    )


def feature_cost(record: RunRecord) -> Finding:
    """Checks that the answer of the model, all features included, is within a limit of latency."""
    serving, count = record.summary.get("serving", {}), record.summary.get("data", {}).get("features")
    finding = judged_by(record, "Set a limit, such as `serve: {max_p50_ms: 50}`.", gates(record, "p50"))
    measured = serving.get("p50_ms")
    if finding.passed or measured is None:
        return finding
    note = Evidence(f"One row with {count} features takes {measured:.1f} ms.", f"cat {quoted(record.folder.summary)}")
    return needs(finding.missing, note)


def meta_requirements(record: RunRecord) -> Finding:
    """Checks that each column has a role, and that no feature gives the label away."""
    leaks = [warning for warning in record.summary.get("warnings", ()) if "may give away the label" in warning]
    if leaks:
        return needs(f"{leaks[0]} Leave such a column out.")
    features = record.config.get("features") or {}
    ignored = sum(feature == "ignore" or feature.get("kind") == "ignore" for feature in features.values())
    roles = f"Each of {len(features)} columns has a role; {ignored} are ignored."
    evidence = Evidence(roles, f"cat {quoted(record.folder.config)}") if features else None
    return all_of(
        _NOT_RUN,
        evidence,
        tested("tests/pipeline/profile/test_target_leakage.py", "Features that give the label away are found."),
    )


def privacy(record: RunRecord) -> Finding:
    """A person has to check this."""
    return needs(
        "A person reviews which columns are personal data, who may read the folder of the run and how long it is kept."
    )


def new_features(record: RunRecord) -> Finding:
    """Checks that a column becomes a feature without code."""
    node = "tests/e2e/test_generated_tables.py::test_generated_tables_are_predicted_or_refused"
    what = "Tables with arbitrary columns are trained on and predicted without code or configuration."
    seconds = record.summary.get("seconds")
    took = (
        Evidence(f"The run took {seconds:.0f} s.", f"grep seconds {quoted(record.folder.summary)}") if seconds else None
    )
    return all_of("The tests are not in this checkout.", tested(node, what), took)


def feature_code(record: RunRecord) -> Finding:
    """Checks that the code that computes the features has tests: the project's own has."""
    function = record.config.get("preprocessing_fn")
    if function:
        return needs(f"{function} is not the project's: a person says where its tests are.")
    return all_of(
        "The tests are not in this checkout.",
        tested("tests/models/preprocessing/test_preprocessing_fn.py", "Each transformation has tests by hand."),
        tested("tests/components/transform/test_transform.py", "The stage gives what the graph gives."),
    )


CHECKS = {
    "schema": schema,
    "beneficial_features": beneficial_features,
    "feature_cost": feature_cost,
    "meta_requirements": meta_requirements,
    "privacy": privacy,
    "new_features": new_features,
    "feature_code": feature_code,
}

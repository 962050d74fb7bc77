"""Checks the tests of the rubric on the development of the model."""

from pipeline.reporting import staleness
from pipeline.reporting.run_record import RunRecord
from pipeline.scoring.finding import Evidence, Finding, gates, judged, judged_by, needs, quoted


def reviewed_specs(record: RunRecord) -> Finding:
    """A person has to check this."""
    return needs("A person reviews the configuration and the code of the run, and names the commit.")


def online_metrics(record: RunRecord) -> Finding:
    """A person has to check this."""
    return needs("A person compares the metrics on test with those that users of the predictions see.")


def hyperparameters(record: RunRecord) -> Finding:
    """Checks that a search compared trials."""
    trials = record.summary.get("model", {}).get("trials")
    folder = record.uri("Tuner", "best_hyperparameters")
    if not trials or not folder:
        return needs("The run has no trials. Set `tune.trials`.")
    return Finding(True, (Evidence(f"{trials} trials were compared on eval.", f"ls -R {quoted(folder.parent)}"),))


def staleness_impact(record: RunRecord) -> Finding:
    """Checks that the loss of quality with the age of a model was measured."""
    ages, folder = record.explanation.get("staleness", {}).get("ages"), record.uri("Evaluator", "evaluation")
    if not ages or not folder:
        return needs(
            "The rows have no time as a feature, or are too few to measure it. A person measures what an older model "
            "loses on newer rows."
        )
    what = staleness.sentence(record)
    return Finding(True, (Evidence(what, f"grep -A 40 staleness {quoted(folder / 'explanation.json')}"),))


def simpler_model(record: RunRecord) -> Finding:
    """Checks that no simpler model is better: neither the linear one nor a constant."""
    if record.summary.get("model", {}).get("family") == "linear":
        return judged(record, "The run ended before the evaluation.", "constant")
    return judged(record, "The run has no linear model to compare with.", "linear", "constant")


def slices(record: RunRecord) -> Finding:
    """Checks that the metrics of slices have limits."""
    found = [gate for gate in gates(record) if gate["name"].endswith((" slice_min", " slice_max"))]
    return judged_by(
        record,
        "Name the important slices in `evaluate.slices`, and give a metric a limit for them, such as "
        "`evaluate: {gates: {auc: {slice_min: 0.7}}}`.",
        found,
    )


def inclusion(record: RunRecord) -> Finding:
    """Checks that the differences between sensitive groups have limits."""
    return judged_by(
        record,
        "Name the columns by which people could be treated unfairly in `evaluate.sensitive`, and give the differences "
        "limits, such as `max_gaps: {true_positive_rate: 0.1}`.",
        [gate for gate in gates(record) if gate["name"].endswith(" gap")],
    )


CHECKS = {
    "reviewed_specs": reviewed_specs,
    "online_metrics": online_metrics,
    "hyperparameters": hyperparameters,
    "staleness_impact": staleness_impact,
    "simpler_model": simpler_model,
    "slices": slices,
    "inclusion": inclusion,
}

"""Tests the ML Test Score on literal records of runs."""

import collections
import subprocess

import pytest

from core import storage
from core.errors import UserError
from pipeline import score
from pipeline.config import settings
from pipeline.reporting.run_record import RunRecord
from pipeline.run.run_folder import RunFolder
from pipeline.scoring import finding, scorecard
from pipeline.scoring.rubric import TESTS
from tests.pipeline.reporting import records

SIGNED = {"privacy": {"by": "Ada", "date": "2026-01-31", "evidence": "no names, see the wiki"}}
GATES = [
    {"name": name, "passed": True, "value": 1.0, "limit": 1.0, "why": f"{name} is fine."}
    for name in ("constant", "linear", "parity", "signatures", "outputs", "odd rows", "p50")
]


@pytest.fixture
def whole(tmp_path):
    """A run that ended with a model that passed its gates, and its files."""
    config = {**records.CONFIG, "features": {"age": {"kind": "numeric"}}, "score": {"signed": SIGNED}}
    summary = {"gates": GATES, "fingerprint": "abc", "data": {"features": 1}}
    record = records.evaluated(tmp_path, config=config, **summary)
    stages = [("SchemaGen", "schema"), ("ExampleValidator", "anomalies"), ("Tuner", "best_hyperparameters")]
    record = records.with_executions(record, *(records.execution(stage, tmp_path, output) for stage, output in stages))
    (record.uri("SchemaGen", "schema") / "schema.pbtxt").write_text("")
    stages = [{"name": name, "state": "ran", "seconds": 1.0} for name, _ in stages]
    storage.write_json(record.folder.summary, {**record.summary, "stages": stages})
    record.folder.config.write_text("name: shop\n")
    return record


def points(record):
    return {one.name: one.points for one in scorecard.score(record)}


def test_the_rubric_has_four_sections_of_seven_tests():
    assert list(collections.Counter(test.section for test in TESTS.values()).values()) == [7, 7, 7, 7]
    assert list(scorecard.CHECKS) == list(TESTS)


def test_what_a_machine_checked_counts_one_and_what_a_person_signed_half(whole):
    scored = scorecard.score(whole)
    assert {one.name: one.points for one in scored if one.points} == dict.fromkeys(
        ("schema", "feature_cost", "meta_requirements", "new_features", "feature_code", "hyperparameters",
         "simpler_model", "reproducible", "unit_tests", "integration", "validated_quality", "debuggable", "rollback",
         "dependency_changes", "data_invariants", "serving_skew", "numerical_stability", "computing_performance"),
        1.0,
    ) | {"privacy": 0.5}  # fmt: skip
    assert scorecard.sentence(scored) == (
        "ML Test Score 2 of 7, the lowest of its sections: features and data 5.5, model development 2, "
        "infrastructure 6, monitoring 5."
    )
    (privacy,) = [one for one in scored if one.name == "privacy"]
    assert privacy.why[0].what == "Signed by Ada on 2026-01-31: no names, see the wiki"
    assert all(one.missing for one in scored if one.points < 1)


def test_each_command_shows_its_evidence(whole):
    commands = [evidence.command for one in scorecard.score(whole) for evidence in one.why if evidence.command]
    shown = [command for command in commands if not command.startswith("python")]
    assert len(shown) > 15
    for command in set(shown):
        assert subprocess.run(command, shell=True, capture_output=True).stdout or "schema.pbtxt" in command, command


def test_a_feature_without_a_clear_benefit_is_named(whole):
    (found,) = [one for one in scorecard.score(whole) if one.name == "beneficial_features"]
    assert found.missing.startswith("No clear benefit on test: age. Compare with a run without them")
    assert found.why[0].what == "Permuted on test, 1 of 2 features raise the loss clearly."


def test_a_gate_that_failed_earns_no_point_and_says_why(tmp_path):
    gates = [{**gate, "passed": gate["name"] != "linear", "why": "It is worse."} for gate in GATES]
    (found,) = [one for one in scorecard.score(records.evaluated(tmp_path, gates=gates)) if one.name == "simpler_model"]
    assert (found.points, found.missing) == (
        0, "It is worse. Or a person signs for it: `score.signed.simpler_model`.",
    )  # fmt: skip


def test_a_run_that_failed_is_scored_too(tmp_path):
    summary = {"name": "shop", "run_id": "1", "status": "failed", "stages": []}
    found = points(RunRecord(RunFolder(tmp_path), summary))
    assert {name for name, value in found.items() if value} == {
        "feature_code", "integration", "debuggable", "rollback",
    }  # fmt: skip


def test_a_leak_earns_no_point(tmp_path):
    record = records.evaluated(tmp_path, warnings=["`a` may give away the label `b`: it is 1 where b is 1."])
    assert points(record)["meta_requirements"] == 0


def test_a_test_that_is_not_there_is_no_evidence():
    assert finding.tested("tests/pipeline/scoring/test_scorecard.py::test_that_is_not_there", "") is None
    assert finding.tested("tests/not_there.py", "") is None


def test_command_prints_and_returns_0(whole, capsys):
    assert score.main([str(whole.folder.path)]) == 0
    assert "Features and data: " in capsys.readouterr().out
    assert score.main([str(whole.folder.path / "none")]) == 2


@pytest.mark.parametrize(
    ("signed", "message"),
    [
        ({"privcy": SIGNED["privacy"]}, "privacy"),
        ({"privacy": {**SIGNED["privacy"], "date": "31.1.2026"}}, "Write it like 2026-01-31"),
        ({"privacy": {**SIGNED["privacy"], "date": "2999-01-01"}}, "has not come yet"),
        ({"privacy": {"by": "Ada", "date": "2026-01-31"}}, "evidence"),
    ],
)
def test_a_signature_needs_a_name_a_date_and_evidence(tmp_path, signed, message):
    config = tmp_path / "shop.yaml"
    storage.write_json(config, {"data": {"files": ["a.csv"]}, "label": "y", "score": {"signed": signed}})
    with pytest.raises(UserError, match=message):
        settings.load(config)

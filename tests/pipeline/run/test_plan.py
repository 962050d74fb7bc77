"""Tests the plan of a dry run against a real metadata store."""

import dataclasses
import pathlib

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from core.errors import UserError
from models.serving import model_versions
from pipeline.run import plan
from pipeline.run.history import History
from tests.pipeline.run.metadata_stores import STAGES, VALUES, Store, fingerprints


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def steps(store, marks, **options):
    """Returns the plan as a mapping: stage to (state, why)."""
    planned = plan.plan(STAGES, History(store.path, "taxi"), marks, **options)
    return {step.stage: (step.state, step.why) for step in planned}


def test_without_a_store_everything_runs(tmp_path):
    planned = plan.plan(STAGES, History(tmp_path / "none.sqlite", "taxi"), fingerprints(VALUES))
    assert {(step.state, step.why) for step in planned} == {("run", "it has not run yet")}
    assert len(planned) == len(STAGES)


def test_unchanged_is_cached(store):
    store.run(fingerprints(VALUES))
    assert {state for state, _ in steps(store, fingerprints(VALUES)).values()} == {"cached"}


def test_without_the_cache_everything_runs(store):
    store.run(fingerprints(VALUES))
    assert set(steps(store, fingerprints(VALUES), cache=False).values()) == {("run", "the cache is off")}


def test_a_change_is_named_where_it_is_and_below_it(store):
    store.run(fingerprints(VALUES))
    planned = steps(store, fingerprints({**VALUES, "Trainer": {"x": 2}}))
    assert planned["Trainer"] == ("run", "x: 1 → 2")
    assert planned["Evaluator"] == ("run", "Trainer would run")
    assert planned["Pusher"] == ("run", "Trainer and Evaluator and ServingValidator would run")
    assert {name for name, (state, _) in planned.items() if state == "run"} == {
        "Trainer",
        "Evaluator",
        "ServingValidator",
        "Pusher",
    }


def test_changed_code_is_said(store):
    marks = fingerprints(VALUES)
    store.run({**marks, "Tuner": dataclasses.replace(marks["Tuner"], code="other", digest="other")})
    assert steps(store, marks)["Tuner"] == ("run", "its code has changed")


def test_a_run_that_was_killed_goes_on_from_the_last_finished_stage(store):
    store.run(fingerprints(VALUES), stop="Transform", state=pb.Execution.RUNNING)
    planned = steps(store, fingerprints(VALUES))
    assert planned["ExampleValidator"][0] == "cached"
    assert planned["Transform"] == ("run", "it has not run yet")


def test_a_result_that_is_gone_is_made_again(store):
    store.run(fingerprints(VALUES))
    (gone,) = store.folder.glob("Transform-*")
    gone.rmdir()
    planned = steps(store, fingerprints(VALUES))
    assert planned["Transform"] == ("run", f"its earlier result is damaged: {gone} is missing")
    assert planned["SchemaGen"][0] == "cached"


@pytest.fixture
def trained(store):
    """Returns a file of the Trainer's output after a run, with its content recorded."""
    store.run(fingerprints(VALUES))
    (execution,) = History(store.path, "taxi").executions("Trainer")
    (output,) = execution.outputs
    file = pathlib.Path(output.uri, "variables", "data")
    file.parent.mkdir()
    file.write_text("weights")
    output.record_files()
    return file


def damage(file, kind):
    if kind == "gone":
        file.unlink()
        return f"{file} is missing"
    file.write_text("weigh")
    return f"{file} has 5 bytes in place of 7"


@pytest.mark.parametrize("kind", ["gone", "cut"])
def test_a_damaged_file_makes_its_stage_and_those_below_run_again(store, trained, kind):
    assert {state for state, _ in steps(store, fingerprints(VALUES)).values()} == {"cached"}
    found = damage(trained, kind)
    planned = steps(store, fingerprints(VALUES))
    assert planned["Trainer"] == ("run", f"its earlier result is damaged: {found}")
    assert planned["Evaluator"] == ("run", "Trainer would run")
    assert planned["Tuner"][0] == planned["Baseline"][0] == "cached"


@pytest.mark.parametrize("kind", ["gone", "cut"])
def test_a_damaged_result_is_removed_before_a_run_and_others_are_not(store, trained, kind):
    marks, history = fingerprints(VALUES), History(store.path, "taxi")
    assert plan.discard_damaged(STAGES, history, marks) == []
    found = damage(trained, kind)
    assert plan.discard_damaged(STAGES, history, fingerprints({**VALUES, "Trainer": {"x": 2}})) == []
    expected = [f"The earlier result of Trainer is damaged and not used: {found}."]
    assert plan.discard_damaged(STAGES, history, marks) == expected
    assert not trained.parents[1].exists()
    assert len(list(store.folder.glob("*-*"))) == len(STAGES) - 1


def test_a_changed_content_of_the_same_size_is_found_where_contents_are_compared(store, trained):
    trained.write_text("WEIGHTS")
    assert steps(store, fingerprints(VALUES))["Trainer"][0] == "cached"
    planned = steps(store, fingerprints(VALUES), contents=True)
    assert planned["Trainer"] == ("run", f"its earlier result is damaged: the content of {trained} has changed")


def test_a_damaged_served_version_makes_the_pusher_run_again(store, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_text("graph")
    version = model_versions.push(tmp_path / "model", tmp_path / "serving", {}).path
    store.properties["Pusher"] = {"pushed_destination": str(version)}
    store.run(fingerprints(VALUES))
    assert steps(store, fingerprints(VALUES))["Pusher"][0] == "cached"
    (version / "saved_model.pb").write_text("gra")
    found = f"its earlier result is damaged: {version}/saved_model.pb has 3 bytes in place of 5"
    assert steps(store, fingerprints(VALUES))["Pusher"] == ("run", found)


def test_an_upgraded_library_is_said(store):
    marks = fingerprints(VALUES)
    before = {**marks["Tuner"].libraries, "keras": "3.0.0"}
    store.run({**marks, "Tuner": dataclasses.replace(marks["Tuner"], libraries=before)})
    now = marks["Tuner"].libraries["keras"]
    assert steps(store, marks)["Tuner"] == ("run", f"keras: 3.0.0 → {now}")


def check_part(store, first, last=None):
    plan.check_part(STAGES, History(store.path, "taxi"), first, last)


def test_a_part_that_reads_what_the_last_run_left_can_run(store):
    store.run(fingerprints(VALUES))
    check_part(store, "Trainer")
    check_part(store, "Transform", "Evaluator")
    check_part(store, "Trainer", "Trainer")


def test_a_first_run_can_begin_at_the_beginning(store):
    check_part(store, "ExampleGen")


@pytest.mark.parametrize(("first", "last"), [("Trainer", "ExampleGen"), ("Tuner", "Baseline")])
def test_stages_that_no_way_joins_are_the_users_error(store, first, last):
    store.run(fingerprints(VALUES))
    with pytest.raises(UserError, match=f"--to {last} does not depend on --from {first}, so no stage would run"):
        check_part(store, first, last)


def test_a_result_that_the_last_run_does_not_have_is_named(store):
    with pytest.raises(UserError, match="--from Evaluator starts on the result of ExampleGen, and the last run has"):
        check_part(store, "Evaluator")
    store.run(fingerprints(VALUES))
    store.run(fingerprints(VALUES), stop="Transform", state=pb.Execution.RUNNING)
    with pytest.raises(UserError, match=r"starts on the result of Transform, and .*\. Run without --from: what"):
        check_part(store, "Trainer")


def test_a_damaged_result_is_named_with_its_file(store):
    store.run(fingerprints(VALUES))
    (gone,) = store.folder.glob("Transform-*")
    gone.rmdir()
    with pytest.raises(UserError, match=f"result of Transform, which is damaged: {gone} is missing. Run without"):
        check_part(store, "Trainer")

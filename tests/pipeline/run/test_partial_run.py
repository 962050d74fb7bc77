"""Tests whether a part of the graph can run on the results of the last run."""

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from core.errors import UserError
from pipeline.run import partial_run
from pipeline.run.history import History
from tests.pipeline.run.metadata_stores import STAGES, VALUES, Store, fingerprints


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def check(store, first, last=None):
    partial_run.check(STAGES, History(store.path, "taxi"), first, last)


def test_a_part_that_reads_what_the_last_run_left_can_run(store):
    store.run(fingerprints(VALUES))
    check(store, "Trainer")
    check(store, "Transform", "Evaluator")
    check(store, "Trainer", "Trainer")


def test_a_first_run_can_begin_at_the_beginning(store):
    check(store, "ExampleGen")


@pytest.mark.parametrize(("first", "last"), [("Trainer", "ExampleGen"), ("Tuner", "Baseline")])
def test_stages_that_no_way_joins_are_the_users_error(store, first, last):
    store.run(fingerprints(VALUES))
    with pytest.raises(UserError, match=f"--to {last} does not depend on --from {first}, so no stage would run"):
        check(store, first, last)


def test_a_result_that_the_last_run_does_not_have_is_named(store):
    with pytest.raises(UserError, match="--from Evaluator starts on the result of ExampleGen, and the last run has"):
        check(store, "Evaluator")
    store.run(fingerprints(VALUES))
    store.run(fingerprints(VALUES), stop="Transform", state=pb.Execution.RUNNING)
    with pytest.raises(UserError, match=r"starts on the result of Transform, and .*\. Run without --from: what"):
        check(store, "Trainer")


def test_a_damaged_result_is_named_with_its_file(store):
    store.run(fingerprints(VALUES))
    (gone,) = store.folder.glob("Transform-*")
    gone.rmdir()
    with pytest.raises(UserError, match=f"result of Transform, which is damaged: {gone} is missing. Run without"):
        check(store, "Trainer")

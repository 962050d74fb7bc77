"""Tests what is read of earlier runs from a real metadata store, also from a damaged one."""

import os
import signal
import subprocess
import sys

import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from core.errors import UserError
from pipeline.run.history import History
from tests.pipeline.run.metadata_stores import STAGES, VALUES, Store, fingerprints


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_the_statistics_of_the_data_before_are_known(store):
    marks = fingerprints(VALUES)
    store.run(marks)
    history = History(store.path, "taxi")
    assert history.validated_statistics(marks["StatisticsGen"].digest) is None
    assert history.validated_statistics("of other data").rpartition("/")[2].startswith("StatisticsGen-")


def test_history_tells_findings_newest_first(store):
    store.run(fingerprints(VALUES))
    (execution,) = History(store.path, "taxi").executions("Trainer")
    assert (execution.line, execution.report) == ("Trainer ran", {"rows": 3})
    assert History(store.path, "other").executions("Trainer") == []


def test_history_tells_what_has_finished_whatever_the_pipeline(store):
    store.run(fingerprints(VALUES), stop="SchemaGen", state=pb.Execution.RUNNING)
    assert History(store.path, "other").finished() == {1, 2}


def test_the_stages_that_ended_are_those_of_the_last_run(store, tmp_path):
    assert History(tmp_path / "none.sqlite", "taxi").ended_in_last_run() == set()
    store.run(fingerprints(VALUES))
    assert History(store.path, "taxi").ended_in_last_run() == {stage.name for stage in STAGES}
    store.run(fingerprints(VALUES), stop="SchemaGen", state=pb.Execution.RUNNING)
    assert History(store.path, "taxi").ended_in_last_run() == {"ExampleGen", "StatisticsGen"}


# Begins to write so much that SQLite has to write some of it to the file, and is killed.
KILLED = """
import os, signal, sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("PRAGMA cache_size = 1")
store.execute("BEGIN IMMEDIATE")
store.execute("UPDATE Execution SET last_known_state = 2")
store.execute("CREATE TABLE Added (text)")
store.executemany("INSERT INTO Added VALUES (?)", [("x" * 500,)] * 2000)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_transaction_of_a_killed_run_is_taken_back(store):
    store.run(fingerprints(VALUES))
    done = subprocess.run([sys.executable, "-c", KILLED, str(store.path)])
    assert done.returncode == -signal.SIGKILL
    assert store.path.with_name("metadata.sqlite-journal").exists()
    history = History(store.path, "taxi")
    with pytest.raises(UserError, match="attempt to write a readonly database"):
        history.executions("Trainer")
    history.recover()
    (execution,) = history.executions("Trainer")
    assert execution.state == pb.Execution.COMPLETE


def test_a_store_in_a_folder_with_signs_of_addresses_is_read(tmp_path):
    folder = tmp_path / "run #2 100%25?x=1"
    folder.mkdir()
    store = Store(folder)
    store.run(fingerprints(VALUES))
    assert len(History(store.path, "taxi").executions("Trainer")) == 1


@pytest.mark.parametrize("size", [100, 20_000])
def test_a_store_that_was_cut_is_the_users_error(store, size):
    store.run(fingerprints(VALUES))
    os.truncate(store.path, size)
    with pytest.raises(UserError, match=r"The metadata store .*metadata\.sqlite is damaged: .* Remove it"):
        History(store.path, "taxi").executions("Trainer")


def test_a_store_that_cannot_be_opened_is_the_users_error(tmp_path):
    (tmp_path / "metadata.sqlite").mkdir()
    with pytest.raises(UserError, match=r"metadata\.sqlite cannot be read: .*\. Check its"):
        History(tmp_path / "metadata.sqlite", "taxi").finished()

"""The folder of a run."""

import os
import time

import pytest

from core import storage
from core.errors import UserError
from pipeline.run.run_folder import RunFolder


def test_the_digest_of_data_is_that_of_its_content(tmp_path):
    data = tmp_path / "data.csv"
    folder = RunFolder(tmp_path / "run")
    data.write_text("a\n1\n")
    first = folder.data_digest([str(data)])
    os.utime(data, (1, 1))
    assert folder.data_digest([str(data)]) == first
    data.write_text("a\n2\n")
    assert folder.data_digest([str(data)]) != first


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("a\n1\n")
    folder = RunFolder(tmp_path)
    first = folder.data_digest([str(data)])
    known = storage.read_json(tmp_path / ".digests.json")
    storage.write_json(tmp_path / ".digests.json", dict.fromkeys(known, "as remembered"))
    assert folder.data_digest([str(data)]) != first


def test_a_file_that_was_edited_in_place_is_read_again_though_its_size_and_time_are_as_before(tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("a\n1\n")
    folder, stat = RunFolder(tmp_path), data.stat()
    first = folder.data_digest([str(data)])
    time.sleep(0.02)  # the time of change is that of the kernel's last tick
    data.write_text("a\n2\n")
    os.utime(data, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (data.stat().st_size, data.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert folder.data_digest([str(data)]) != first


def test_without_the_cache_every_file_is_read_and_its_digest_is_remembered(tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("a\n1\n")
    folder = RunFolder(tmp_path)
    first = folder.data_digest([str(data)])
    right = storage.read_json(tmp_path / ".digests.json")
    storage.write_json(tmp_path / ".digests.json", dict.fromkeys(right, "of another content"))
    assert folder.data_digest([str(data)], cache=False) == first
    assert storage.read_json(tmp_path / ".digests.json") == right


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"The output folder .*file/run cannot be written to: Not a directory.*--out"):
        RunFolder(tmp_path / "file" / "run").make()


def test_only_one_run_at_a_time(tmp_path):
    folder = RunFolder(tmp_path)
    with folder.locked(), pytest.raises(UserError, match="Another run is writing"), folder.locked():
        pass
    with folder.locked():
        pass


def test_what_a_killed_run_left_is_removed_and_its_stages_are_named(tmp_path):
    for name in (
        "ExampleGen/examples/1",
        "ExampleGen/.system/driver_execution/1795647363948349",
        "Trainer/model/2",
        "Trainer/model_run/2",
        "Trainer/.system/executor_execution/2",
        "Pusher/.system/executor_execution/3",
        "Tuner/search/trial-1",
    ):
        (tmp_path / "artifacts" / name).mkdir(parents=True)
    assert RunFolder(tmp_path).tidy(finished={1}) == ["Trainer"]
    left = sorted(path.relative_to(tmp_path / "artifacts").as_posix() for path in tmp_path.rglob("*[0-9]"))
    assert left == [
        "ExampleGen/.system/driver_execution/1795647363948349",
        "ExampleGen/examples/1",
        "Tuner/search/trial-1",
    ]


def test_broken_json_is_an_empty_mapping(tmp_path):
    (tmp_path / "x.json").write_text('{"half": ')
    assert storage.read_json(tmp_path / "x.json") == {}
    assert storage.read_json(tmp_path / "none.json") == {}

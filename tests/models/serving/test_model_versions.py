"""Versions: numbered, all or nothing, and nothing twice."""

import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import pytest

from core.errors import UserError
from models.serving import model_versions


def _model(folder: pathlib.Path, content: str = "graph") -> pathlib.Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text(content)
    (folder / "variables" / "variables.index").write_text("weights of " + content)
    return folder


def _files(folder: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_first_version_is_1_and_complete(tmp_path):
    found = model_versions.push(_model(tmp_path / "model"), tmp_path / "serving", {"assets.extra/skewless.json": b"{}"})
    assert found == model_versions.Version(tmp_path / "serving" / "1", 1, new=True)
    assert _files(found.path) == [
        "assets.extra/digest", "assets.extra/skewless.json", "saved_model.pb", "variables/variables.index",
    ]  # fmt: skip


def test_versions_grow_as_numbers(tmp_path):
    for name in ("9", "10", "notes", "11.old"):
        (tmp_path / "serving" / name).mkdir(parents=True)
    assert model_versions.push(_model(tmp_path / "model"), tmp_path / "serving", {}).version == 11


def test_same_model_is_not_pushed_twice(tmp_path):
    first = model_versions.push(_model(tmp_path / "a"), tmp_path / "serving", {})
    again = model_versions.push(_model(tmp_path / "b"), tmp_path / "serving", {})
    assert again == model_versions.Version(first.path, 1, new=False)
    assert model_versions.push(_model(tmp_path / "c", "other"), tmp_path / "serving", {}).version == 2
    assert model_versions.push(tmp_path / "a", tmp_path / "serving", {}).version == 3


def test_changed_metadata_is_a_new_version(tmp_path):
    model = _model(tmp_path / "model")
    model_versions.push(model, tmp_path / "serving", {"assets.extra/skewless.json": b"{}"})
    assert model_versions.push(model, tmp_path / "serving", {"assets.extra/skewless.json": b'{"a": 1}'}).version == 2


def test_left_over_of_a_killed_push_is_cleared(tmp_path):
    (tmp_path / "serving" / ".push-abc" / "variables").mkdir(parents=True)
    model_versions.push(_model(tmp_path / "model"), tmp_path / "serving", {})
    assert [path.name for path in (tmp_path / "serving").iterdir()] == ["1"]


def test_full_disk_changes_nothing(tmp_path):
    model_versions.push(_model(tmp_path / "old"), tmp_path / "serving", {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = _model(tmp_path / "large", "x" * 100_000)
    # A limit on the size of a file stands in for a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(UserError, match=r"The disk of .*serving is full"):
            model_versions.push(large, tmp_path / "serving", {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in (tmp_path / "serving").iterdir()] == ["1"]
    assert (tmp_path / "serving" / "1" / "saved_model.pb").read_text() == "graph"


def test_destination_that_is_a_file_is_named(tmp_path):
    (tmp_path / "serving").write_text("")
    with pytest.raises(UserError, match=r"could not be pushed to .*serving: File exists"):
        model_versions.push(_model(tmp_path / "model"), tmp_path / "serving", {})


_PUSH_MANY = """
import pathlib, sys
from models.serving import model_versions
model, base = map(pathlib.Path, sys.argv[1:])
print("ready", flush=True)
for number in range(1000):
    (model / "saved_model.pb").write_text(f"graph {number}")
    model_versions.push(model, base, {"complete": b"yes"})
"""


@pytest.mark.slow
def test_reader_never_sees_half_a_version_even_when_the_push_is_killed(tmp_path):
    model = _model(tmp_path / "model")
    for number in range(60):
        (model / "variables" / f"part-{number}").write_text("x" * 1000)
    base = tmp_path / "serving"
    process = subprocess.Popen(
        [sys.executable, "-c", _PUSH_MANY, str(model), str(base)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(model_versions.__file__).parents[2])},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    end = time.monotonic() + 1.5
    seen = set()
    while time.monotonic() < end:
        for path in base.glob("[0-9]*"):
            assert (path / "complete").exists()
            assert len(_files(path)) == 64
            seen.add(path.name)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(seen) > 1
    assert all(len(_files(path)) == 64 for path in base.glob("[0-9]*"))
    model_versions.push(model, base, {})
    assert not list(base.glob(".push-*"))

"""Versions: numbered, all or nothing, nothing twice, and found again."""

import json
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
        "assets.extra/files.json", "assets.extra/skewless.json", "saved_model.pb", "variables/variables.index",
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
    assert not list((tmp_path / "serving").glob(".*"))
    assert model_versions.versions(tmp_path / "serving") == [1]


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
    assert not list((tmp_path / "serving").glob(".*"))
    assert model_versions.versions(tmp_path / "serving") == [1]
    assert (tmp_path / "serving" / "1" / "saved_model.pb").read_text() == "graph"


def test_destination_that_is_a_file_is_named(tmp_path):
    (tmp_path / "serving").write_text("")
    with pytest.raises(UserError, match=r"could not be pushed to .*serving: File exists"):
        model_versions.push(_model(tmp_path / "model"), tmp_path / "serving", {})


def _serve(base: pathlib.Path, *made_by: tuple[str, str] | None, statistics: bool = True) -> None:
    """Pushes versions 1, 2, ... with the fingerprints of Trainer and StatisticsGen; None leaves no metadata."""
    for number, fingerprints in enumerate(made_by, max(model_versions.versions(base), default=0) + 1):
        extra = {}
        if fingerprints:
            metadata = {"fingerprints": dict(zip(("Trainer", "StatisticsGen"), fingerprints, strict=True))}
            extra[model_versions.METADATA_FILE] = json.dumps(metadata).encode()
        if statistics:
            extra[f"{model_versions.STATISTICS_FOLDER}/Split-train/FeatureStats.pb"] = b"statistics"
        model_versions.push(_model(base.parent / f"{base.name}-{number}", str(number)), base, extra)


def test_nothing_served_gives_no_champion(tmp_path):
    assert model_versions.champion(tmp_path / "serving", "a") is None
    assert model_versions.previous_statistics(tmp_path / "serving", "s") is None


def test_champion_is_the_newest_version_of_another_model(tmp_path):
    base = tmp_path / "serving"
    _serve(base, ("a", "s"), ("b", "s"))
    assert model_versions.champion(base, "c") == base / "2"
    _serve(base, *[(f"d{number}", "s") for number in range(9)])
    assert model_versions.champion(base, "c") == base / "11", "versions are compared as numbers"


def test_candidate_that_is_served_is_compared_with_the_version_before_it(tmp_path):
    base = tmp_path / "serving"
    _serve(base, ("a", "s"))
    assert model_versions.champion(base, "a") is None
    _serve(base, ("b", "s"), ("c", "s"), ("c", "s"))
    assert model_versions.champion(base, "c") == base / "2"
    assert model_versions.champion(base, "b") == base / "4", "what was served later is served now"


def test_version_without_metadata_is_a_champion_like_any_other(tmp_path):
    _serve(tmp_path / "serving", None)
    assert model_versions.champion(tmp_path / "serving", "a") == tmp_path / "serving" / "1"


def test_metadata_that_cannot_be_read_is_no_metadata(tmp_path):
    base = tmp_path / "serving"
    for number, text in enumerate(("{", "[]", '{"fingerprints": "a"}'), 1):
        model_versions.push(_model(tmp_path / str(number), text), base, {model_versions.METADATA_FILE: text.encode()})
        assert model_versions.champion(base, "a") == base / str(number)
        assert model_versions.previous_statistics(base, "s") is None


def test_earlier_statistics_are_the_newest_of_other_data(tmp_path):
    base = tmp_path / "serving"
    _serve(base, ("a", "s1"))
    assert model_versions.previous_statistics(base, "s1") is None
    _serve(base, ("b", "s2"), ("c", "s2"))
    assert model_versions.previous_statistics(base, "s2") == base / "1" / "assets.extra" / "statistics"
    assert model_versions.previous_statistics(base, "s3") == base / "3" / "assets.extra" / "statistics"


def test_versions_without_statistics_are_skipped(tmp_path):
    base = tmp_path / "serving"
    _serve(base, ("a", "s1"))
    _serve(base, ("b", "s2"), statistics=False)
    assert model_versions.previous_statistics(base, "s3") == base / "1" / "assets.extra" / "statistics"


def test_version_is_found_by_its_folder_that_of_all_versions_and_that_of_a_run(tmp_path):
    base = tmp_path / "serving"
    _serve(base, ("a", "s"), ("b", "s"))
    assert model_versions.find_version(base / "1") == base / "1"
    assert model_versions.find_version(base) == base / "2" == model_versions.stable(base)
    assert model_versions.find_version(tmp_path) == base / "2"
    assert model_versions.stable(tmp_path) is None


def test_folder_without_a_version_is_the_users_error(tmp_path):
    with pytest.raises(UserError, match=r"--model .*nowhere: there is no such folder"):
        model_versions.find_version(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no version of a model \(a folder named by a number\)"):
        model_versions.find_version(tmp_path)


@pytest.fixture
def served(tmp_path):
    """Returns the folder of two versions."""
    _serve(tmp_path / "serving", ("a", "s1"), ("b", "s2"))
    return tmp_path / "serving"


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index", "assets.extra/skewless.json"])
def test_damaged_version_is_the_users_error_that_names_the_file(served, file):
    (served / "2" / file).write_text("")
    with pytest.raises(UserError, match=rf"--model .*/2 is damaged: .*/2/{file} has 0 bytes in place of \d+\. Run"):
        model_versions.find_version(served)
    (served / "2" / file).unlink()
    with pytest.raises(UserError, match=rf"/2 is damaged: .*/2/{file} is missing"):
        model_versions.find_version(served)
    assert model_versions.find_version(served / "1") == served / "1"


def test_damaged_version_is_neither_champion_nor_a_source_of_statistics(served):
    assert model_versions.champion(served, "c") == served / "2"
    (served / "2" / "variables" / "variables.index").unlink()
    assert model_versions.champion(served, "c") == served / "1"
    assert model_versions.previous_statistics(served, "s3") == served / "1" / "assets.extra" / "statistics"


@pytest.mark.parametrize("content", ["", "weights of other"])
def test_damaged_version_is_pushed_anew(tmp_path, content):
    model = _model(tmp_path / "model", "graph")
    first = model_versions.push(model, tmp_path / "serving", {})
    assert not model_versions.push(model, tmp_path / "serving", {}).new
    (first.path / "variables" / "variables.index").write_text(content)
    assert model_versions.push(model, tmp_path / "serving", {}) == model_versions.Version(
        tmp_path / "serving" / "2", 2, new=True
    )


def test_version_that_was_copied_there_needs_a_saved_model(tmp_path):
    version = _model(tmp_path / "serving" / "1")
    assert model_versions.damage(version) == ""
    (version / "saved_model.pb").unlink()
    assert model_versions.damage(version) == f"{version}/saved_model.pb is missing"


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

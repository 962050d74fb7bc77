"""Tests the sizes and digests of a folder's files, and what is said of a file that has changed."""

import pytest

from core import digests, manifests


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "model").write_text("abc")
    (tmp_path / "variables" / "index").write_text("")
    return tmp_path


def test_a_manifest_names_every_file(folder):
    assert manifests.of_folder(folder) == {
        "model": [3, digests.of_bytes(b"abc")],
        "variables/index": [0, digests.of_bytes(b"")],
    }
    assert manifests.of_folder(folder / "none") == {}


def test_files_as_listed_do_not_differ(folder):
    found = manifests.of_folder(folder)
    (folder / "more").write_text("is not looked at")
    assert manifests.difference(folder, found, contents=True) == ""


def test_a_file_that_is_gone_is_missing(folder):
    found = manifests.of_folder(folder)
    (folder / "variables" / "index").unlink()
    assert manifests.difference(folder, found) == f"{folder}/variables/index is missing"


@pytest.mark.parametrize("content", ["ab", "abcd", ""])
def test_a_file_of_another_size_is_told_with_both_sizes(folder, content):
    found = manifests.of_folder(folder)
    (folder / "model").write_text(content)
    expected = f"{folder}/model has {len(content)} bytes in place of 3"
    assert manifests.difference(folder, found) == expected


def test_another_content_of_the_same_size_is_found_where_contents_are_compared(folder):
    found = manifests.of_folder(folder)
    (folder / "model").write_text("abd")
    assert manifests.difference(folder, found) == ""
    assert manifests.difference(folder, found, contents=True) == f"the content of {folder}/model has changed"


def test_a_folder_in_place_of_a_file_is_told(folder):
    found = manifests.of_folder(folder)
    (folder / "model").unlink()
    (folder / "model").mkdir()
    assert manifests.difference(folder, {**found, "model": [(folder / "model").stat().st_size, ""]}, contents=True) == (
        f"{folder}/model: Is a directory"
    )

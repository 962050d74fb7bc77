import pytest

from core import storage


def test_what_is_written_replaces_the_file(tmp_path):
    file = tmp_path / "new folder" / "file.json"
    storage.write_json(file, {"a": 1})
    storage.write_json(file, {"a": "ä"})
    assert storage.read_json(file) == {"a": "ä"}
    assert [path.name for path in file.parent.iterdir()] == ["file.json"]


def test_a_failure_leaves_the_file_as_it_was(tmp_path):
    file = tmp_path / "file.txt"
    storage.write_text(file, "before")
    with pytest.raises(ValueError, match="broken"), storage.replacing(file) as temporary:
        temporary.write_text("after")
        raise ValueError("broken")
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_block_that_writes_nothing_leaves_no_file(tmp_path):
    with storage.replacing(tmp_path / "file.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, "[1]", "{"])
def test_read_json_gives_an_empty_mapping_for_what_is_none(tmp_path, content):
    file = tmp_path / "file.json"
    if content is not None:
        file.write_text(content)
    assert storage.read_json(file) == {}

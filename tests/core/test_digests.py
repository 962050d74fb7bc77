from core import digests


def test_a_file_is_known_by_its_content(tmp_path):
    for name, content in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(content)
    assert digests.of_file(tmp_path / "a") == digests.of_file(tmp_path / "b") != digests.of_file(tmp_path / "c")


def test_values_are_known_by_their_json():
    assert digests.of_values({"a": 1, "b": (2,)}) == digests.of_values({"b": [2], "a": 1})
    assert digests.of_values("a", "b") != digests.of_values("ab")

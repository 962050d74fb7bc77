import importlib.metadata

from core import digests


def test_a_file_is_known_by_its_content(tmp_path):
    for name, content in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(content)
    assert digests.of_file(tmp_path / "a") == digests.of_file(tmp_path / "b") != digests.of_file(tmp_path / "c")


def test_values_are_known_by_their_json():
    assert digests.of_values({"a": 1, "b": (2,)}) == digests.of_values({"b": [2], "a": 1})
    assert digests.of_values("a", "b") != digests.of_values("ab")


def test_what_a_dotted_path_names_changes_with_the_version_of_its_library_or_the_file_of_its_module(
    tmp_path, monkeypatch
):
    before = digests.of_named("sklearn.tree.DecisionTreeClassifier")
    assert before == digests.of_named("sklearn.linear_model.Ridge")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "999")
    assert digests.of_named("sklearn.linear_model.Ridge") != before
    (tmp_path / "users_own.py").write_text("def network(): return 1")
    monkeypatch.syspath_prepend(tmp_path)
    own = digests.of_named("users_own.network")
    assert own == digests.of_bytes(b"def network(): return 1")

"""What a stage's fingerprint depends on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.spec import Feature, Label, Spec
from pipeline.run import fingerprints

SPEC = Spec(
    label=Label("tip", "binary", "int", ("0", "1")),
    features=(Feature("fare", "numeric", "float", buckets=8), Feature("company", "categorical", "text")),
    weight="weight",
    family="mlp",
    hyperparameters={"units": 64},
)


def test_upstream_stages_come_before():
    seen = set()
    for stage in fingerprints.STAGES:
        assert seen.issuperset(stage.upstream)
        seen.add(stage.name)


def test_narrow_keeps_only_what_a_stage_uses():
    narrowed = fingerprints.narrow(SPEC, "payload")
    assert narrowed == Spec(
        label=Label("tip", "binary", "int", ("0", "1")),
        features=(Feature("fare", "categorical", "float"), Feature("company", "categorical", "text")),
        weight="weight",
    )


def test_flatten():
    assert fingerprints.flatten({"a": 1, "b": {"c": {"d": [2, 3]}, "e": None}}) == {
        "a": 1,
        "b.c.d": [2, 3],
        "b.e": None,
    }


@pytest.mark.parametrize(("text", "stage"), [("trainer", "Trainer"), ("EXAMPLEGEN", "ExampleGen"), ("Tuner", "Tuner")])
def test_find_takes_any_case(text, stage):
    assert fingerprints.find(text) == stage


def test_find_suggests_a_near_match():
    with pytest.raises(UserError, match=r"no stage Trainr. Did you mean Trainer\? The stages are ExampleGen, "):
        fingerprints.find("Trainr")


def test_a_change_reaches_the_stages_below_it_and_no_others():
    values = {stage.name: {"x": 1} for stage in fingerprints.STAGES}
    before = fingerprints.fingerprints(values)
    after = fingerprints.fingerprints({**values, "Trainer": {"x": 2}})
    changed = {name for name in fingerprints.NAMES if before[name] != after[name]}
    assert changed == {"Trainer", "Resolver", "Evaluator", "ServingValidator", "Pusher"}


def test_code_digest_follows_imports(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "top.py").write_text("from models import middle\n")
    (tmp_path / "models" / "middle.py").write_text("def f():\n    import models.low\n")
    (tmp_path / "models" / "low.py").write_text("x = 1\n")
    (tmp_path / "models" / "other.py").write_text("x = 1\n")
    monkeypatch.setattr(fingerprints, "ROOT", tmp_path)

    def digest():
        for cached in (fingerprints._closure, fingerprints._path, fingerprints._source_digest):
            cached.cache_clear()
        return fingerprints.code_digest(("models.top",))

    before = digest()
    (tmp_path / "models" / "other.py").write_text("x = 2\n")
    assert digest() == before
    (tmp_path / "models" / "low.py").write_text("x = 2\n")
    assert digest() != before
    monkeypatch.undo()
    for cached in (fingerprints._closure, fingerprints._path, fingerprints._source_digest):
        cached.cache_clear()


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()))))
def test_a_fingerprint_survives_json(values):
    fingerprint = fingerprints.Fingerprint("Trainer", values, "code", "digest")
    assert fingerprints.Fingerprint.from_json(fingerprint.to_json()) == fingerprint

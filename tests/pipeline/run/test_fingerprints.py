"""The fingerprint of a stage: everything on which its result depends."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from pipeline.graph import Stage
from pipeline.run import fingerprints
from pipeline.run.fingerprints import Fingerprint


@dataclasses.dataclass(frozen=True)
class Context:
    """Values for the parameters of the stages below."""

    rows: int = 3
    epochs: int = 1
    digests: dict[str, str] = dataclasses.field(default_factory=dict)


STAGES = (
    Stage("Read", "core.errors.UserError", {}, lambda run: {"rows": run.rows}),
    Stage("Look", "core.text.listing", {"rows": "Read.rows"}, lambda run: {}),
    Stage("Train", "core.spec.Spec", {"rows": "Read.rows"}, lambda run: {"train": {"epochs": run.epochs}}),
    Stage("Push", "core.errors.UserError", {"model": "Train.model"}, lambda run: {"made_of": run.digests["Train"]}),
)


def found(**changes):
    return fingerprints.of_stages(STAGES, Context(**changes))[0]


def changed(**changes):
    """Returns the stages whose fingerprints a change of the context changes."""
    before, after = found(), found(**changes)
    return {name for name in before if before[name].digest != after[name].digest}


def test_a_change_reaches_the_stages_below_it_and_no_others():
    assert changed(epochs=2) == {"Train", "Push"}
    assert changed(rows=4) == {"Read", "Look", "Train", "Push"}


def test_a_stage_is_given_what_its_fingerprint_covers():
    marks, arguments = fingerprints.of_stages(STAGES, Context())
    assert arguments["Read"] == {"rows": "3"}
    assert arguments["Train"] == {"train": '{"epochs": 1}'}
    assert marks["Train"].parameters == {"train.epochs": 1}
    assert arguments["Push"] == {"made_of": marks["Train"].digest}
    assert marks["Push"].upstream == {"Train": marks["Train"].digest}


def test_flatten_names_the_features_of_a_spec():
    assert fingerprints.flatten({"a": 1, "b": {"c": {"d": [2, 3]}, "e": None}}) == {
        "a": 1,
        "b.c.d": [2, 3],
        "b.e": None,
    }
    features = [{"name": "zip", "kind": "numeric"}, {"name": "a.b", "kind": "text"}]
    assert fingerprints.flatten({"features": features}) == {
        "features.zip.kind": "numeric",
        "features.a.b.kind": "text",
    }


@given(
    st.dictionaries(st.text(), st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()))),
    st.dictionaries(st.text(), st.text()),
)
def test_a_fingerprint_survives_json(values, libraries):
    fingerprint = Fingerprint("Trainer", values, "code", libraries, {"Tuner": "abc"}, "digest")
    assert Fingerprint.from_json(fingerprint.to_json()) == fingerprint


def test_a_fingerprint_of_an_earlier_version_can_be_read():
    old = '{"stage": "Trainer", "parameters": {"x": 1}, "code": "a", "digest": "b", "gone": 1}'
    assert Fingerprint.from_json(old) == Fingerprint("Trainer", {"x": 1}, "a", digest="b")

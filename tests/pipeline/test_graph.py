"""The declared graph: its order, and what a stage is given."""

import dataclasses
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import UserError
from core.spec import Feature, Label, Spec
from pipeline.config.settings import load
from pipeline.graph import BY_NAME, STAGES, stage_named
from pipeline.run.run_folder import LocalContext

ROOT = Path(__file__).resolve().parents[2]
SPEC = Spec(
    label=Label("tip", "binary", "int", ("0", "1")),
    features=(Feature("fare", "numeric", "float", buckets=8), Feature("company", "categorical", "text")),
    weight="weight",
    family="mlp",
    hyperparameters={"units": 64},
)


def test_upstream_stages_are_declared_before():
    seen = set()
    for stage in STAGES:
        assert seen.issuperset(stage.upstream)
        seen.add(stage.name)


def test_columns_keep_only_the_named_fields():
    context = LocalContext(None, SPEC, None, "", folder=None, history=None)
    assert context.columns("payload") == {
        "label": {"name": "tip", "task": "binary", "payload": "int", "classes": ("0", "1")},
        "features": (
            {
                "name": "fare",
                "kind": "categorical",
                "payload": "float",
                "repeated": False,
                "unit": "us",
                "vocabulary": 10_000,
                "buckets": 48,
                "written": None,
                "also_numeric": False,
                "in_files": None,
            },
            {
                "name": "company",
                "kind": "categorical",
                "payload": "text",
                "repeated": False,
                "unit": "us",
                "vocabulary": 10_000,
                "buckets": 48,
                "written": None,
                "also_numeric": False,
                "in_files": None,
            },
        ),
        "weight": "weight",
        "family": "mlp",
        "hyperparameters": {},
        "preprocessing_fn": None,
    }


def test_challengers_depend_on_their_libraries_and_not_on_the_model(monkeypatch):
    tree = "{name: tree, estimator: sklearn.tree.DecisionTreeClassifier, params: {max_depth: 3}}"

    def given(spec, *sets):
        settings = load(files="a.csv", label="tip", sets=[f"challengers=[{tree}]", *sets])
        return BY_NAME["Challengers"].parameters(LocalContext(settings, spec, None, "", folder=None, history=None))

    before = given(SPEC)
    other = dataclasses.replace(SPEC, family="trees", hyperparameters={})
    assert before == given(other, "train.epochs=3", "model.family=trees", "tune.trials=0")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "999")
    assert given(SPEC) != before


@pytest.mark.parametrize(("text", "stage"), [("trainer", "Trainer"), ("EXAMPLEGEN", "ExampleGen"), ("Tuner", "Tuner")])
def test_a_stage_is_named_in_any_case(text, stage):
    assert stage_named(text) == stage


def test_a_near_match_is_suggested():
    with pytest.raises(UserError, match=r"no stage 'Trainr'. Did you mean 'Trainer'\? Expected one of ExampleGen, "):
        stage_named("Trainr")


def test_the_graph_is_read_without_tensorflow_and_tfx():
    code = "import sys, pipeline.graph; print({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.slow
def test_each_component_takes_what_its_stage_declares():
    for stage in STAGES:
        module, _, name = stage.component.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))

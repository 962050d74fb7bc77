"""The declared graph: its order, what a stage is given, and a stage that is added."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import UserError
from core.spec import Feature, Label, Spec
from docs.generate import pipeline_picture
from pipeline.graph import STAGES, RunContext, Stage, stage_named
from pipeline.run import fingerprints, plan
from pipeline.run.history import History

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
    context = RunContext(None, SPEC, None, "", None, None)
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
            },
            {
                "name": "company",
                "kind": "categorical",
                "payload": "text",
                "repeated": False,
                "unit": "us",
                "vocabulary": 10_000,
                "buckets": 48,
            },
        ),
        "weight": "weight",
        "family": "mlp",
        "hyperparameters": {},
        "preprocessing_fn": None,
    }


@pytest.mark.parametrize(("text", "stage"), [("trainer", "Trainer"), ("EXAMPLEGEN", "ExampleGen"), ("Tuner", "Tuner")])
def test_a_stage_is_named_in_any_case(text, stage):
    assert stage_named(text) == stage


def test_a_near_match_is_suggested():
    with pytest.raises(UserError, match=r"no stage 'Trainr'. Did you mean 'Trainer'\? Expected one of ExampleGen, "):
        stage_named("Trainr")


def test_a_stage_is_added_by_declaring_it(tmp_path):
    """The lines of `docs/adding_a_stage.md`, and where the stage is seen then."""
    text = (ROOT / "docs" / "adding_a_stage.md").read_text(encoding="utf-8")
    names = {"Stage": Stage}
    exec(re.search(r"```python\n(STAGE = .*?)```", text, re.DOTALL)[1], names)  # the document's own lines
    stages = (*STAGES, names["STAGE"])
    context = RunContext(None, SPEC, None, "", None, None)
    known = {stage.name: f"digest of {stage.name}" for stage in STAGES}
    found = fingerprints.of_stage(stages[-1], stages[-1].parameters(context), known)
    assert found.upstream == {"ExampleGen": "digest of ExampleGen", "Evaluator": "digest of Evaluator"}
    steps = plan.plan(stages[-1:], History(tmp_path / "none.sqlite", "taxi"), {"RowCounter": found})
    assert steps == [plan.Step("RowCounter", "run", "it has not run yet")]
    assert "RowCounter" in pipeline_picture.picture(stages)


def test_the_graph_is_read_without_tensorflow_and_tfx():
    code = "import sys, pipeline.graph; print({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.slow
def test_each_component_takes_what_its_stage_declares():
    for stage in STAGES:
        module, _, name = stage.component.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))

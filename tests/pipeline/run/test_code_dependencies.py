"""The code that a module runs: what changes its digest, and which libraries it uses."""

import pytest

from environment import installed
from pipeline.run import code_dependencies
from tests.pipeline.run.metadata_stores import VALUES, fingerprints


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Returns a function that writes a file of a small project."""
    monkeypatch.setattr(code_dependencies, "ROOT", tmp_path)
    monkeypatch.setattr(code_dependencies, "LOCK", tmp_path / "requirements.lock")

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        code_dependencies.clear()

    yield write
    monkeypatch.undo()
    code_dependencies.clear()


def test_the_digest_of_the_source_follows_imports(project):
    project("models/top.py", "from models import middle\n")
    project("models/middle.py", "def f():\n    import models.low\n")
    project("models/low.py", "x = 1\n")
    project("models/other.py", "x = 1\n")
    before = code_dependencies.digest_of_source("models.top")
    project("models/other.py", "x = 2\n")
    assert code_dependencies.digest_of_source("models.top") == before
    project("models/low.py", "x = 2\n")
    assert code_dependencies.digest_of_source("models.top") != before


def test_a_dotted_path_in_a_text_is_an_import(project):
    project("components/trainer.py", 'RUN_FN = "models.training.run_fn"\n')
    project("models/training.py", "def run_fn(): ...\n")
    before = code_dependencies.digest_of_source("components.trainer")
    project("models/training.py", "def run_fn(): return 1\n")
    assert code_dependencies.digest_of_source("components.trainer") != before


def test_libraries_are_those_that_the_modules_import_with_their_locked_versions(project):
    project("models/top.py", "import numpy as np\nfrom models import low\n")
    project("models/low.py", "import json\nfrom sklearn import metrics\nfrom google.protobuf import text_format\n")
    project(
        "requirements.lock",
        "numpy==2.4.0 \\\n    --hash=sha256:1\nprotobuf==6.0\nscikit-learn==1.8.0\nkeras==3.1\n",
    )
    expected = {"numpy": "2.4.0", "protobuf": "6.0", "scikit-learn": "1.8.0"}
    assert code_dependencies.library_versions("models.top") == expected


def test_the_lock_of_the_project_names_the_libraries_of_the_stages():
    versions = code_dependencies.library_versions("components.trainer.component")
    assert {"tensorflow", "keras", "tfx", "numpy"} <= set(versions)
    assert "duckdb" not in versions


@pytest.fixture
def changed_by(tmp_path, monkeypatch):
    """Returns a function that changes a library in the lock, and returns the stages with another fingerprint."""

    def digests():
        code_dependencies.clear()
        return {name: fingerprint.digest for name, fingerprint in fingerprints(VALUES).items()}

    def change(library, version):
        before, text = digests(), code_dependencies.LOCK.read_text(encoding="utf-8")
        assert f"\n{library}=={version} " in text
        lock = tmp_path / "requirements.lock"
        lock.write_text(text.replace(f"\n{library}=={version} ", f"\n{library}==99.0 "), encoding="utf-8")
        monkeypatch.setattr(code_dependencies, "LOCK", lock)
        after = digests()
        return {name for name in before if before[name] != after[name]}

    yield change
    monkeypatch.undo()
    code_dependencies.clear()


MODEL_STAGES = {"Transform", "Tuner", "Baseline", "Trainer", "Challengers", "Evaluator", "ServingValidator", "Pusher"}


@pytest.mark.parametrize(
    ("library", "stages"),
    [
        ("tensorflow", MODEL_STAGES),  # the stages that read and validate the data do not import it
        ("keras", MODEL_STAGES - {"Transform", "Challengers"}),
        # ExampleValidator and the stages below it compare with the served version, which `models.config` names.
        ("tensorflow-serving-api", {"ExampleValidator"} | MODEL_STAGES),
        ("duckdb", {"ExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator"} | MODEL_STAGES),
        ("ruff", set()),
    ],
)
def test_a_library_in_the_lock_changes_the_stages_that_import_it_and_those_below_them(changed_by, library, stages):
    version = installed.locked_versions(code_dependencies.LOCK.read_text(encoding="utf-8"))[library]
    assert changed_by(library, version) == stages

"""The locks of the images and of the extras: the versions of requirements.lock, each package with its hash."""

import ast
import itertools
import re
import subprocess
import sys

import pytest

from environment import installed

FOLDER = installed.ROOT / "environment" / "locks"


@pytest.mark.parametrize("name", ["serve", "cuda"])
def test_versions_are_those_of_the_lock_of_the_project(name):
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    project = installed.locked_versions(installed.LOCK.read_text(encoding="utf-8"))
    found = installed.locked_versions(text)
    if name == "serve":
        assert not {"tensorflow", "libclang"} & found.keys()
        assert found.pop("tensorflow-cpu") == project["tensorflow"]
    assert {package for package in found if package not in project} == {
        package for package in found if name == "cuda" and package.startswith("nvidia-")
    }
    assert {package: project[package] for package in found if package in project}.items() <= found.items()
    assert all("--hash=sha256:" in block for block in re.split(r"(?m)^(?=[\w.-]+==)", text)[1:])


def test_the_extras_fit_the_project_and_each_other():
    paths = [installed.LOCK, *(FOLDER / f"{name}.txt" for name in ("challengers", "mlflow", "openlineage"))]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    _, challengers, mlflow, openlineage = found = list(map(installed.locked_versions, texts))
    for one, other in itertools.combinations(found, 2):
        assert {name: other[name] for name in one if name in other}.items() <= one.items()
    assert {"xgboost", "lightgbm", "scikeras", "skorch", "torch"} <= challengers.keys()
    assert {"mlflow", "mlflow-skinny"} <= mlflow.keys()
    assert "openlineage-python" in openlineage
    for text in texts[1:]:
        assert all("--hash=sha256:" in block for block in re.split(r"(?m)^(?=[\w.-]+==)", text)[1:])


def test_batch_prediction_imports_no_other_packages():
    """Where TensorFlow is not counted: what it imports when it is there, such as pandas, it does without."""
    code = """
import sys
from pipeline.prediction import batch_prediction, data_flags
print({name.partition(".")[0] for name in sys.modules})
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=installed.ROOT, capture_output=True, text=True, check=True)
    imported = ast.literal_eval(done.stdout)
    assert not imported & {"tensorflow", "tfx", "apache_beam", "components", "sklearn", "scipy", "tensorflow_transform"}

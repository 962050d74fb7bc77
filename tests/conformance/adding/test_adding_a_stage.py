"""Follows `docs/adding/stage.md` in a copy of the project: the component and its entry in `STAGES`, nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from pipeline.graph import Stage
from pipeline.run import code_dependencies, fingerprints
from tests.conformance.adding.documents import DOCS

ROOT = DOCS.parents[1]
COMPONENT, ENTRY = re.findall(r"```python\n(.*?)```", (DOCS / "stage.md").read_text("utf-8"), re.DOTALL)
TABLE = "size,label\n" + "".join(f"{row / 8},{'no' if row % 3 else 'yes'}\n" for row in range(300))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the stage of the document, and a table."""
    copy = tmp_path_factory.mktemp("project")
    for name in (*code_dependencies.PACKAGES, "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, copy)
    folder = copy / "components" / "row_counter"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "component.py").write_text(COMPONENT, encoding="utf-8")
    graph = (copy / "pipeline" / "graph.py").read_text(encoding="utf-8")
    place = '    Stage(\n        name="StatisticsGen"'
    assert graph.count(place) == 1
    (copy / "pipeline" / "graph.py").write_text(graph.replace(place, f"{ENTRY},\n{place}"), encoding="utf-8")
    (copy / "table.csv").write_text(TABLE, encoding="utf-8")
    return copy


def command(project, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"}
    )


def run_local(project, *arguments):
    return command(project, "pipeline/run_local.py", "--data", "table.csv", "--label", "label", "--json", *arguments)


def test_the_fingerprint_covers_what_the_stage_is_given_and_reads():
    stage = eval(ENTRY, {"Stage": Stage})
    found = fingerprints.of_stage(stage, stage.parameters(None), {"ExampleGen": "digest of ExampleGen"})
    assert found.parameters == {"fewest": 10}
    assert found.upstream == {"ExampleGen": "digest of ExampleGen"}


@pytest.mark.slow
def test_the_stage_is_in_the_dry_run_and_in_the_picture(project):
    done = run_local(project, "--dry-run")
    assert done.returncode == 0, done.stderr
    states = [(step["stage"], step["state"]) for step in json.loads(done.stdout)]
    assert states[:3] == [("ExampleGen", "run"), ("RowCounter", "run"), ("StatisticsGen", "run")]
    assert command(project, "-m", "docs.generate").returncode == 0
    assert ">RowCounter<" in (project / "docs" / "pipeline.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_stage_runs_in_the_tfx_pipeline_and_is_cached(project):
    done = run_local(project, "--to", "rowcounter")
    assert done.returncode == 0, done.stderr
    assert "RowCounter" in done.stderr
    states = {stage["name"]: stage["state"] for stage in json.loads(done.stdout)["stages"]}
    assert (states["ExampleGen"], states["RowCounter"], states["Trainer"]) == ("ran", "ran", "skipped")
    again = json.loads(run_local(project, "--to", "RowCounter").stdout)["stages"]
    assert [stage["state"] for stage in again[:2]] == ["cached", "cached"]


@pytest.mark.slow
def test_the_stage_can_stop_a_run(project):
    graph = project / "pipeline" / "graph.py"
    graph.write_text(graph.read_text("utf-8").replace('{"fewest": 10}', '{"fewest": 100}'), encoding="utf-8")
    done = run_local(project, "--to", "RowCounter")
    assert done.returncode == 3, done.stderr
    assert "Fewer than 100 rows are in the splits" in done.stderr

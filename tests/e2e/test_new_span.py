"""A run on a new span begins from the weights that are served, and is up to date when it is repeated."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = """\
name: points
data: {{files: "{folder}/{{SPAN}}/points.csv", spans: 1}}
label: inside
model: {{family: mlp, hyperparameters: {{layers: 1, units: 128}}}}
tune: {{trials: 0}}
train: {{epochs: 10, warm_start: true}}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def write_span(folder: pathlib.Path, span: int, colours: str) -> None:
    """Writes rows whose label is whether x is in the middle; red ones have the opposite."""
    generator = np.random.default_rng(span)
    lines = ["x,colour,inside"]
    for x, colour in zip(generator.random(2_000), generator.choice(colours.split(), 2_000), strict=True):
        lines.append(f"{x:.4f},{colour},{'ny'[int((0.3 < x < 0.7) != (colour == 'red'))]}")
    (folder / str(span)).mkdir()
    (folder / str(span) / "points.csv").write_text("\n".join(lines) + "\n")


def run(folder: pathlib.Path) -> dict:
    command = [sys.executable, "pipeline/run_local.py", str(folder / "points.yaml"), "--out", str(folder / "run")]
    done = subprocess.run([*command, "--json", "--if-stale"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


def test_a_new_span_is_learned_from_the_weights_that_are_served(tmp_path):
    (tmp_path / "points.yaml").write_text(CONFIG.format(folder=tmp_path))
    write_span(tmp_path, 1, "red blue blue")
    first = run(tmp_path)
    assert first["status"] == "pushed"
    assert first["model"]["warm_start"] == ""
    write_span(tmp_path, 2, "green red red")
    second = run(tmp_path)
    assert second["model"]["warm_start"] == "from the weights of version 1"
    assert second["serving"]["version"] == 2
    assert run(tmp_path)["status"] == "up_to_date"

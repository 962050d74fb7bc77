"""Checks the README: its configuration loads, its commands run, its files and links exist, its output is current."""

import json
import os
import pathlib
import random
import re
import subprocess
import sys

import pyarrow.parquet as parquet
import pytest

from core.config import review
from pipeline.config import settings, yaml_reader
from pipeline.graph import STAGES

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    """Returns the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_the_configuration_loads(tmp_path):
    challengers, card, example, _ = blocks("yaml")
    given, _ = yaml_reader.parse(challengers, "README.md")
    named = [review.Challenger.model_validate(one).name for one in given["challengers"]]
    assert named == ["forest", "xgboost", "network"]
    (tmp_path / "card.yaml").write_text(f"data: {{files: data/*.csv}}\nlabel: churned\n{card}")
    assert settings.load(tmp_path / "card.yaml").evaluate.max_gaps == {"true_positive_rate": 0.1}
    (tmp_path / "churn.yaml").write_text(example)
    loaded = settings.load(tmp_path / "churn.yaml")
    assert (loaded.name, loaded.label, loaded.split.column) == ("churn", "churned", "signed_up")
    assert loaded.features["city"].vocabulary == 500


def test_the_defaults_are_those_that_it_names():
    *_, reference = blocks("yaml")
    named, _ = yaml_reader.parse(reference, "README.md")
    default = settings.load(files="data.csv", label="churned").model_dump(mode="json")
    assert list(named) == list(default)
    named["data"]["files"], named["label"], named["name"] = ["data.csv"], "churned", "data"
    assert (set(named.pop("features")), set(named["evaluate"].pop("gates"))) == ({"COLUMN"}, {"METRIC"})
    keyed = [("deploy", "stages", "STAGE"), ("score", "signed", "TEST")]
    assert all(set(named[section].pop(field)) == {key} for section, field, key in keyed)
    default.pop("features"), default["evaluate"].pop("gates")
    _ = [default[section].pop(field) for section, field, _ in keyed]
    assert named == default


def test_its_links_and_files_are_there():
    targets = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(
        r"`((?:pipeline|models|components|tests)/[\w/.]*)`", README
    )
    assert targets
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_every_make_target_that_it_names_is_there():
    makefile = (ROOT / "Makefile").read_text()
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    commands = "\n".join([*re.findall(r"`([^`\n]+)`", prose), *blocks("sh")])
    named = set(re.findall(r"\bmake ([a-z-]+)", commands))
    assert {"run", "test", "doctor"} <= named
    assert [target for target in named if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


def test_its_output_shows_the_declared_stages():
    names = [stage.name for stage in STAGES]
    ended = re.findall(r"^✓ (\w+) ", README, flags=re.MULTILINE)  # independent stages end in any order
    assert sorted(ended) == sorted(names)
    assert re.findall(r"^(\w+) {2,}(?:cached|run) {2,}", README, flags=re.MULTILINE) == names


def churn(path, rows, seed):
    """Writes a table whose label depends on two columns together, which a linear model cannot follow."""
    draw = random.Random(seed)
    lines = ["age,plan,calls,churned"]
    for _ in range(rows):
        age, plan, calls = draw.randrange(18, 80), draw.choice(["basic", "gold"]), draw.randrange(0, 100)
        likely = (calls > 50) != (plan == "gold")
        lines.append(f"{age},{plan},{calls},{'yes' if draw.random() < (0.9 if likely else 0.1) else 'no'}")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_commands_run(tmp_path):
    (tmp_path / "data").mkdir()
    churn(tmp_path / "data" / "1.csv", 2000, seed=1)
    churn(tmp_path / "data" / "2.csv", 2000, seed=2)
    churn(tmp_path / "new.csv", 10, seed=3)
    for name in ("pipeline", "models", "components"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    commands = [
        line for block in blocks("sh") for line in block.splitlines() if "pipeline/" in line or "source" in line
    ]
    assert len(commands) >= 6
    for command in (line for line in commands if "--dry-run" not in line):
        script = f"source .venv/bin/activate\n{command}"
        done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, env=os.environ)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    summary = json.loads((tmp_path / "runs/churn/summary.json").read_text())
    assert summary["status"] == "pushed"
    assert parquet.read_table(tmp_path / "predictions.parquet").num_rows == 10

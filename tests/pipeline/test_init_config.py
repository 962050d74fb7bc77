"""The configuration that is printed: YAML with reasons, which a run takes for the very same."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import init_config
from pipeline.config import settings
from pipeline.profile import resolution

ROOT = Path(__file__).resolve().parents[2]
TABLE = "id,a b,when,y\n" + "".join(
    f"{row},{row * 37 % 59}.5,2024-01-{row % 28 + 1:02},{'yes' if row % 3 else 'no'}\n" for row in range(60)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


def test_printed_configuration_resolves_to_the_same(path, tmp_path, capsys):
    assert init_config.main([str(path), "--label", "y", "--set", "train.epochs=3"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "table.yaml").write_text(printed)

    given = resolution.resolve(settings.load(tmp_path / "table.yaml"))
    inferred = resolution.resolve(settings.load(files=str(path), label="y", sets=["train.epochs=3"]))

    assert (given.settings, given.spec, given.source) == (inferred.settings, inferred.spec, inferred.source)


def test_printed_lists_of_texts_stay_lists(tmp_path, capsys):
    rows = "".join(f'{{"tags": ["a", "b{row % 90}"], "y": {row % 2}}}\n' for row in range(200))
    (tmp_path / "table.jsonl").write_text(rows)
    assert init_config.main([str(tmp_path / "table.jsonl"), "--label", "y"]) == 0
    (tmp_path / "table.yaml").write_text(capsys.readouterr().out)
    (tags,) = resolution.resolve(settings.load(tmp_path / "table.yaml")).spec.features
    assert (tags.name, tags.payload, tags.repeated) == ("tags", "text", True)


def test_every_choice_has_its_reason(path, capsys):
    init_config.main([str(path), "--label", "y"])

    lines = {line.split(":")[0].strip(): line for line in capsys.readouterr().out.splitlines()}

    assert lines["label"] == "label: y  # binary: two different values"
    assert lines["classes"] == "classes: ['no', 'yes']"
    assert lines["id"] == "  id: ignore  # identifier: another whole number on every row"
    assert lines["a b"] == "  a b: {kind: numeric, type: float}  # numbers, 0.5 to 58.5"
    assert lines["when"].startswith("  when: {kind: timestamp, type: int, unit: us}  # dates, 2024-01-01 to 2024-01-28")
    assert lines["split"].startswith("split: {by: hash, fractions: {train: 0.8, eval: 0.1, test: 0.1}}  # ")


def test_errors_end_with_exit_code_2(path, capsys):
    assert init_config.main([str(path), "--label", "yy"]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "Did you mean 'y'?" in captured.err


@pytest.mark.slow
@pytest.mark.parametrize("command", [["pipeline/init_config.py"], ["-m", "pipeline.init_config"]])
def test_as_a_command(path, command):
    done = subprocess.run(
        [sys.executable, *command, str(path), "--label", "y"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("name: table\n")


def test_help_and_wrong_arguments(path, tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        script = ROOT / "pipeline" / "init_config.py"
        command = [sys.executable, str(script), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    assert run("--help").returncode == 0
    assert "--label" in run("--help").stdout
    assert run(str(path)).returncode == 2
    assert "--label" in run(str(path)).stderr

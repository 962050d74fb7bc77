"""The command line: what it says, and that mistakes end before anything slow is imported."""

import html
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLOW = ("tensorflow", "tfx", "apache_beam")


def run(*arguments):
    """Runs the command in a process that tells which slow packages it imported."""
    code = (
        "import sys; sys.argv = ['run_local.py', *sys.argv[1:]]\n"
        "from pipeline import run_local\n"
        "try: code = run_local.main()\n"
        "except SystemExit as end: code = end.code\n"
        f"print('imported', [name for name in {SLOW} if name in sys.modules])\n"
        "sys.exit(code)"
    )
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_help_names_every_flag():
    done = run("--help")
    assert done.returncode == 0
    for flag in (
        "CONFIG",
        "--data",
        "--label",
        "--out",
        "--set",
        "--from",
        "--to",
        "--dry-run",
        "--if-stale",
        "--shadow",
        "--no-cache",
        "--json",
    ):
        assert flag in done.stdout
    assert "imported []" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["none.yaml"], "none.yaml"),
        (["--data", "none.csv", "--label", "x"], "none.csv"),
        (["pipeline/datasets/taxi.yaml", "--data", "x.csv"], "Give one of the two"),
        (["--set", "train.epoch=3"], "epochs"),
        (["--set", "train.epochs=many"], "train.epochs"),
        (["--from", "trainr"], "Did you mean 'Trainer'?"),
        (["--from", ""], "There is no stage ''. Expected one of ExampleGen"),
        (["--to", ""], "There is no stage ''. Expected one of ExampleGen"),
        (["--from", "Trainer", "--to", "ExampleGen", "--out", "{out}"], "--to ExampleGen does not depend on --from"),
        (["--from", "Trainer", "--out", "{out}"], "starts on the result of ExampleGen, and the last run has none"),
        (["--shadow", "--to", "Trainer"], "--shadow is --to ServingValidator"),
        (["--if-stale", "none.json", "--out", "{out}"], "none.json is no report on requests"),
        (["--out", ""], "argument --out: it is empty, and the path of a folder was expected"),
        (["--out", "s3://bucket/run"], "argument --out: s3://bucket/run is a URI, and a run is kept in a folder"),
        (["--data", "/proc/self/mem", "--label", "x"], "/proc/self/mem cannot be read: "),
        (["--label", "big_tipp", "--out", "{out}"], "big_tip"),
    ],
)
def test_a_mistake_is_told_at_once(arguments, message, tmp_path):
    done = run(*arguments, "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "imported []" in done.stdout
    if "usage:" not in done.stderr:
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["report.html"]
        assert message in html.unescape((tmp_path / "run" / "report.html").read_text())


def test_a_dry_run_that_is_refused_writes_nothing(tmp_path):
    done = run("--data", "none.csv", "--label", "x", "--dry-run", "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert not (tmp_path / "run").exists()

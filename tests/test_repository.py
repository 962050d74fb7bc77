"""Tests what holds for all files of the repository."""

import collections
import pathlib
import re
import subprocess
import tomllib

import pytest
import yaml

from environment import installed

ROOT = installed.ROOT
MACHINE_PATH = re.compile(r"(?<![\w./~}-])/(?:home|Users|work|mnt)/\w")
PACKAGES = ("pipeline", "components", "models", "ingest", "core")
MOST_LINES = 36_200  # of the five packages together, docstrings included
# Who wrote a line, with which tools and on whose request, is not part of the project.
OUTSIDE = re.compile(
    r"\b(?:issue \d+|(?:this|another|next|last) session|(?:coding |sub-?)agents?|worktrees?|scratchpad|chatbots?"
    r"|language models?|LLMs?|ChatGPT|Claude|Codex|Copilot|(?<!Vertex[ -])AI)\b",
    re.IGNORECASE,
)
REGISTRY = re.compile(r"https?://[\w.-]*(?:pypi|pythonhosted|debian)[\w.-]*/(?!project/)")


def committed_texts() -> dict[str, str]:
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    texts = {}
    for name in listing.stdout.decode().split("\0"):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                texts[name] = content.decode("utf-8")
    return texts


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY])
def test_no_file_names_one_machine_or_one_registry(pattern: re.Pattern[str]) -> None:
    texts = committed_texts()
    assert len(texts) > 10
    found = [f"{name}: {match.group()}" for name, text in texts.items() for match in pattern.finditer(text)]
    assert found == []


def test_texts_speak_of_the_project_alone() -> None:
    texts = committed_texts()
    for name in ("tests/test_repository.py", "requirements.lock"):
        del texts[name]
    found = [f"{name}: {match.group()}" for name, text in texts.items() for match in OUTSIDE.finditer(text)]
    assert found == []


def python_files() -> list[pathlib.Path]:
    return [path for package in PACKAGES for path in pathlib.Path(ROOT, package).rglob("*.py")]


def lines(path: pathlib.Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_folder_has_more_than_twelve_files() -> None:
    folders = collections.Counter(
        pathlib.PurePath(name).parent for name in committed_texts() if pathlib.PurePath(name).name != "__init__.py"
    )
    del folders[pathlib.PurePath()]  # tools look for their files in the root
    assert len(folders) > 20
    assert {str(folder): count for folder, count in folders.items() if count > 12} == {}


def test_no_module_has_more_than_300_lines() -> None:
    assert {str(path.relative_to(ROOT)): lines(path) for path in python_files() if lines(path) > 300} == {}


def test_the_packages_do_not_grow() -> None:
    assert sum(lines(path) for path in python_files()) <= MOST_LINES


def test_the_licence_is_the_one_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (file,) = project["license-files"]
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / file).read_text(encoding="utf-8")


def test_the_lock_is_what_make_lock_writes() -> None:
    text = installed.LOCK.read_text(encoding="utf-8")
    assert text.splitlines()[1] == "#    make lock"
    locked = installed.locked_versions(text)
    for name in ("tensorflow", "tensorflow-transform", "tfx", "apache-beam", "keras-tuner", "tensorboard", "pytest"):
        assert name in locked
    assert text.count("==") == len(locked)
    assert all("--hash=sha256:" in block for block in re.split(r"(?m)^(?=[\w.-]+==)", text)[1:])


def test_the_image_has_beams_launcher_of_the_locked_version() -> None:
    beam = installed.locked_versions(installed.LOCK.read_text(encoding="utf-8"))["apache-beam"]
    assert f"apache/beam_python3.11_sdk:{beam} " in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_workflows_name_actions_by_commit() -> None:
    for workflow in pathlib.Path(ROOT, ".github", "workflows").glob("*.yml"):
        for action in re.findall(r"uses: ([^.\s]\S*)", workflow.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)


def test_issue_forms_have_what_github_asks_for() -> None:
    forms = [path for path in pathlib.Path(ROOT, ".github", "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert sorted(path.stem for path in forms) == ["bug", "feature"]
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert form["name"]
        assert form["description"]
        fields = [field for field in form["body"] if field["type"] != "markdown"]
        assert len({field["id"] for field in fields}) == len(fields)
        assert all(field["attributes"]["label"] for field in fields)


def test_commit_hooks_use_the_tools_of_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks}
    (check,) = re.findall(r"(?m)^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert set(re.findall(r"\$\(BIN\)/(\S+)", check)) <= tools

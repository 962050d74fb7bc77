"""What holds for the repository as a whole."""

import pathlib
import re
import subprocess

import pytest

from environment import installed

ROOT = installed.ROOT
MACHINE_PATH = re.compile(r"(?<![\w./~}-])/(?:home|Users|work|mnt)/\w")
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
        for action in re.findall(r"uses: (\S+)", workflow.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)

import pathlib
import shutil
import subprocess
import sys
import threading
import time

import pytest

from environment import bootstrap, installed

STEPS = ["create", "install_uv", "install_packages", "link_project", "replace_native", "check_imports"]


class Killed(BaseException):
    """Stands for a signal: nothing may catch it."""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces each step by one that leaves a file, as far as `stop_after` lets it; returns the steps taken."""
    taken: list[str] = []

    def step(name: str) -> None:
        def take(venv: object, *rest: object, **options: object) -> None:
            taken.append(name)
            if name == "create":
                (pathlib.Path(str(venv)) / "bin").mkdir()
                (pathlib.Path(str(venv)) / "bin" / "python").touch(mode=0o755)
            elif name != "check_imports":
                (pathlib.Path(str(venv)) / name).touch(exist_ok=False)

        monkeypatch.setattr(bootstrap, name, take)

    for name in STEPS:
        step(name)
    return taken


def kill_after(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Lets the step do its work, and ends the process before the next one begins."""
    step = getattr(bootstrap, name)

    def take(*arguments: object, **options: object) -> None:
        step(*arguments, **options)
        raise Killed

    monkeypatch.setattr(bootstrap, name, take)


def test_a_bare_folder_becomes_ready_and_stays_so(tmp_path: pathlib.Path, steps: list[str]) -> None:
    venv = tmp_path / ".venv"
    bootstrap.ensure(venv, replace=True)
    assert steps == STEPS
    assert bootstrap.is_ready(venv, replace=True)
    bootstrap.ensure(venv, replace=True)
    assert steps == STEPS


def test_a_new_glibc_replaces_nothing(tmp_path: pathlib.Path, steps: list[str]) -> None:
    bootstrap.ensure(tmp_path / ".venv", replace=False)
    assert "replace_native" not in steps
    assert not bootstrap.is_ready(tmp_path / ".venv", replace=True)


@pytest.mark.parametrize("name", STEPS)
def test_killed_after_any_step_the_next_make_starts_over_and_ends_well(
    tmp_path: pathlib.Path, steps: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    venv = tmp_path / ".venv"
    with monkeypatch.context() as patch:
        kill_after(patch, name)
        with pytest.raises(Killed):
            bootstrap.ensure(venv, replace=True)
    assert not bootstrap.is_ready(venv, replace=True)
    steps.clear()
    bootstrap.ensure(venv, replace=True)  # every step's file must be gone: `touch(exist_ok=False)`
    assert steps == STEPS
    assert bootstrap.is_ready(venv, replace=True)


def test_a_changed_lock_updates_in_place_and_killed_there_starts_over(
    tmp_path: pathlib.Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = tmp_path / ".venv"
    bootstrap.ensure(venv, replace=False)
    lock = tmp_path / "requirements.lock"
    lock.write_text("tfx==1.21.0\n")
    monkeypatch.setattr(installed, "LOCK", lock)
    assert not bootstrap.is_ready(venv, replace=False)
    for name in ("install_uv", "install_packages", "link_project"):
        (venv / name).unlink()
    steps.clear()
    with monkeypatch.context() as patch:
        kill_after(patch, "install_packages")
        with pytest.raises(Killed):
            bootstrap.ensure(venv, replace=False)
    assert steps == ["install_uv", "install_packages"]
    steps.clear()
    bootstrap.ensure(venv, replace=False)
    assert steps[0] == "create"
    assert bootstrap.is_ready(venv, replace=False)


def test_an_environment_of_another_maker_is_left_alone(tmp_path: pathlib.Path, steps: list[str]) -> None:
    venv = tmp_path / ".venv"
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    with pytest.raises(bootstrap.BootstrapError, match="was not made by make"):
        bootstrap.ensure(venv, replace=True)
    assert [path.name for path in venv.iterdir()] == ["pyvenv.cfg"]
    assert steps == []


def test_clear_keeps_the_lock_and_follows_no_link(tmp_path: pathlib.Path) -> None:
    venv, elsewhere = tmp_path / ".venv", tmp_path / "elsewhere"
    (venv / "lib" / "deep").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (venv / "lib64").symlink_to(elsewhere)
    (venv / "pyvenv.cfg").touch()
    (venv / installed.LOCK_NAME).touch()
    bootstrap.clear(venv)
    assert [path.name for path in venv.iterdir()] == [installed.LOCK_NAME]
    assert (elsewhere / "kept").exists()


def test_two_makes_at_once_install_once(
    tmp_path: pathlib.Path, steps: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = bootstrap.install_packages

    def install_packages(venv: pathlib.Path, lock: int) -> None:
        time.sleep(0.3)
        slow(venv, lock)

    monkeypatch.setattr(bootstrap, "install_packages", install_packages)
    makes = [threading.Thread(target=bootstrap.ensure, args=(tmp_path / ".venv", True)) for _ in range(2)]
    for make in makes:
        make.start()
        time.sleep(0.1)
    for make in makes:
        make.join()
    assert steps == STEPS
    assert "waiting" in capsys.readouterr().out


def test_an_orphaned_installer_keeps_the_lock(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "lock"
    with bootstrap.locked(path) as lock:
        orphan = subprocess.Popen([sys.executable, "-Sc", "input()"], stdin=subprocess.PIPE, pass_fds=[lock])
    entered = threading.Event()

    def wait() -> None:
        with bootstrap.locked(path):
            entered.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not entered.wait(0.3)
    orphan.communicate(b"\n", timeout=10)
    assert entered.wait(10)
    waiting.join()


def test_a_command_that_fails_ends_with_the_message_given(tmp_path: pathlib.Path) -> None:
    with (
        bootstrap.locked(tmp_path / "lock") as lock,
        pytest.raises(bootstrap.BootstrapError, match="registry"),
    ):
        bootstrap.run([sys.executable, "-Sc", "raise SystemExit(3)"], lock, "the registry is away")


def test_commands_run_with_keras_3(tmp_path: pathlib.Path) -> None:
    check = "import os; assert os.environ['TF_USE_LEGACY_KERAS'] == '0' and os.environ['EXTRA'] == ''"
    with bootstrap.locked(tmp_path / "lock") as lock:
        bootstrap.run([sys.executable, "-Sc", check], lock, "another variable", variables={"EXTRA": ""})


def test_an_import_that_fails_shows_why(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(bootstrap, "IMPORTS", "import no_such_package")
    with (
        bootstrap.locked(tmp_path / "lock") as lock,
        pytest.raises(bootstrap.BootstrapError, match=r"An import fails\. .*make doctor"),
    ):
        bootstrap.check_imports(tmp_path, lock)
    assert "No module named 'no_such_package'" in capsys.readouterr().err


@pytest.mark.parametrize(("free", "words"), [(0.2e9, "The disk is full: 0.2 GB"), (50e9, "50 GB are free")])
def test_advice_looks_at_the_disk(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, free: float, words: str
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=int(free))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert words in bootstrap.advice(tmp_path)


def test_the_project_is_linked_by_its_folder(tmp_path: pathlib.Path) -> None:
    venv = tmp_path / ".venv"
    installed.site_packages(venv).mkdir(parents=True)
    bootstrap.link_project(venv)
    (link,) = installed.site_packages(venv).iterdir()
    assert link.name == "skewless.pth"
    assert link.read_text() == f"{tmp_path}\n"

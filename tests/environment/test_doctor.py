import importlib.machinery
import pathlib
import subprocess
import sys

import pytest

from environment import doctor, installed

GB = 1_000_000_000


def package(venv: pathlib.Path, name: str, version: str, files: dict[str, str]) -> None:
    """Installs a package by hand: its files, and the RECORD that lists them."""
    folder = installed.site_packages(venv)
    record = ""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
        record += f"{path},sha256=abc,{len(text)}\n"
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text(record + f"../../../bin/{name},sha256=abc,999\n{info.name}/RECORD,,\n")


def levels(findings: object) -> list[str]:
    return [finding.level for finding in findings]  # type: ignore[attr-defined]


def test_packages_as_locked_are_well() -> None:
    versions = {"tfx": "1.21.0", "keras": "3.15.1"}
    (finding,) = doctor.package_findings(versions, {**versions, "pip": "23.2", "uv": "0.13.9"})
    assert finding.level == "ok"
    assert finding.text.startswith("2 locked packages, all there\nkeras 3.15.1 · tfx 1.21.0")


def test_missing_different_and_further_packages_are_named() -> None:
    lock = {"keras": "3.15.1", "tfx": "1.21.0", "duckdb": "2.0.1"}
    have = {"keras": "3.0.0", "tfx": "1.21.0", "torch": "2.13.0"}
    missing, different, further = doctor.package_findings(lock, have)
    assert (missing.level, missing.text) == ("mend", "missing, 1 of 3 locked packages: duckdb")
    assert (different.level, different.text) == (
        "mend",
        "of another version than locked, 1: keras 3.0.0 (locked 3.15.1)",
    )
    assert (further.level, further.text) == ("note", "beside the lock, 1: torch")
    assert missing.remedy == different.remedy == doctor.MAKE_AGAIN


def test_files_that_are_gone_or_changed_are_found(tmp_path: pathlib.Path) -> None:
    package(tmp_path, "whole", "1.0", {"whole/__init__.py": "x = 1\n", "whole/a.pyc": "old"})
    package(tmp_path, "hurt", "2.0", {"hurt/__init__.py": "x = 1\n", "hurt/gone.py": "", "hurt/cut.py": "x = 1\n"})
    assert doctor.broken_files(tmp_path) == []
    (installed.site_packages(tmp_path) / "whole/a.pyc").unlink()
    (installed.site_packages(tmp_path) / "hurt/gone.py").unlink()
    (installed.site_packages(tmp_path) / "hurt/cut.py").write_text("x")
    assert doctor.broken_files(tmp_path) == ["hurt/cut.py", "hurt/gone.py"]


def test_replaced_modules_are_not_called_broken(tmp_path: pathlib.Path) -> None:
    path = installed.NATIVE_MODULES["ml-metadata"]
    package(tmp_path, "ml_metadata", "1.21.0", {path: "for a new glibc"})
    (installed.site_packages(tmp_path) / path).write_text("for an old one")
    assert doctor.broken_files(tmp_path) == []


def test_recorded_sizes() -> None:
    record = 'a/b.py,sha256=x,12\n"a/with,comma.py",sha256=y,3\n../../../bin/tool,sha256=z,9\na-1.dist-info/RECORD,,\n'
    assert list(doctor.recorded_sizes(record)) == [("a/b.py", 12), ("a/with,comma.py", 3)]


def test_the_states_of_the_environment(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / ".venv"
    assert "no .venv" in doctor.venv_finding(venv).text
    (venv / "bin").mkdir(parents=True)
    assert "not made by make" in doctor.venv_finding(venv).text
    (venv / installed.LOCK_NAME).touch()
    assert "half made" in doctor.venv_finding(venv).text
    (venv / "bin" / "python").touch(mode=0o755)
    replaced = doctor.host.this_host().replaces_native
    installed.write_stamp(venv, installed.current_stamp(venv, not replaced))
    assert "native modules" in doctor.venv_finding(venv).text
    installed.write_stamp(venv, installed.current_stamp(venv, replaced))
    assert doctor.venv_finding(venv).level == "ok"
    monkeypatch.setattr(installed, "LOCK", venv / "bin" / "python")
    assert "another requirements.lock" in doctor.venv_finding(venv).text


def test_nothing_more_is_said_of_an_environment_that_is_not_there(tmp_path: pathlib.Path) -> None:
    assert levels(doctor.check_environment(tmp_path / ".venv")) == ["mend"]


@pytest.mark.parametrize(
    ("free", "total", "level"), [(8 * GB, 16 * GB, "ok"), (2 * GB, 16 * GB, "note"), (2 * GB, 2 * GB, "mend")]
)
def test_memory(free: int, total: int, level: str) -> None:
    assert doctor.memory_finding(free, total).level == level


def test_shared_memory(tmp_path: pathlib.Path) -> None:
    assert levels(doctor.shared_memory_findings(tmp_path)) == []
    assert levels(doctor.shared_memory_findings(tmp_path / "missing")) == ["mend"]


@pytest.mark.parametrize(
    ("free", "made", "level"), [(8 * GB, False, "ok"), (6 * GB, False, "mend"), (6 * GB, True, "ok"), (0, True, "mend")]
)
def test_disk(free: int, made: bool, level: str) -> None:
    assert doctor.disk_finding(free, made).level == level


def test_gpus() -> None:
    assert levels(doctor.gpu_findings((), libraries=False)) == ["ok"]
    gpu = "NVIDIA H100 80GB HBM3, 81559 MiB, 570.86"
    assert levels(doctor.gpu_findings((gpu,), libraries=True)) == ["ok"]
    _, missing = doctor.gpu_findings((gpu,), libraries=False)
    assert "tensorflow[and-cuda]==" in missing.remedy


@pytest.mark.parametrize(
    ("text", "avx"),
    [("flags : fpu sse2 avx avx2\n", True), ("flags : fpu sse2\n", False), ("flags : fpu avx2 avx", True), ("", True)],
)
def test_avx(tmp_path: pathlib.Path, text: str, avx: bool) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert doctor.has_avx(tmp_path / "cpuinfo") is avx
    assert doctor.has_avx(tmp_path / "missing") is True


def test_a_module_that_does_not_load_says_why(tmp_path: pathlib.Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a module")
    assert "broken.so" in (doctor.load_failure(tmp_path, broken) or "")
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    whole = next(installed.site_packages(installed.VENV).glob(f"google/_upb/*{suffix}"), None) or next(
        installed.site_packages(installed.VENV).glob("farmhash*.so")
    )
    assert doctor.load_failure(tmp_path, whole) is None


@pytest.mark.parametrize(("value", "level"), [(None, "ok"), ("0", "ok"), ("1", "mend"), ("True", "mend")])
def test_legacy_keras(monkeypatch: pytest.MonkeyPatch, value: str | None, level: str) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if value is None:
        monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    else:
        monkeypatch.setenv("TF_USE_LEGACY_KERAS", value)
    assert levels(doctor.check_variables(pathlib.Path())) == [level]


def test_the_command_looks_at_this_environment() -> None:
    command = [sys.executable, "-S", "-m", "environment.doctor"]
    done = subprocess.run(command, cwd=installed.ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert "locked packages, all there" in done.stdout
    assert done.stdout.splitlines()[0] == "Machine"

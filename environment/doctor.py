"""Reports what is installed, what was replaced and why, and a remedy for each problem: `make doctor`.

It runs on any Python from 3.8 on, with or without a `.venv`, in one or two seconds. It changes nothing. The exit code
is 1 if a problem must be mended.
"""

from __future__ import annotations

import ctypes.util
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

if __package__ in (None, ""):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from environment import host, installed

NAMED = (
    ("tensorflow", "keras", "tensorflow-transform", "tfx", "apache-beam", "keras-tuner", "tensorboard", "pytest"),
    ("tensorflow-data-validation", "tensorflow-model-analysis", "ml-metadata", "tfx-bsl", "duckdb", "pyarrow", "uv"),
)
MAKE_AGAIN = "rm -rf .venv && make venv"
GIGABYTE = 1e9


class Finding(NamedTuple):
    """The result of one check.

    Attributes:
        level: `ok`; `note` for information; or `mend` for a problem that prevents Skewless from working.
        text: what was found.
        remedy: what to do about it, as a command or in a few words; empty if nothing is needed.
    """

    level: str
    text: str
    remedy: str = ""


def main() -> int:
    """Prints all findings; returns 1 if one of them must be mended."""
    findings: list[Finding] = []
    for title, check in CHECKS:
        print(title)
        for finding in check(installed.VENV):
            findings.append(finding)
            print_finding(finding)
    to_mend = sum(finding.level == "mend" for finding in findings)
    print(f"\n{to_mend} to mend: see `->` above." if to_mend else "\nNo problems found.")
    return 1 if to_mend else 0


def print_finding(finding: Finding) -> None:
    """Prints a finding, with its remedy below."""
    first, *rest = finding.text.splitlines()
    print(f"  {finding.level:<5} {first}")
    for line in rest:
        print(f"        {line}")
    if finding.remedy:
        print(f"        -> {finding.remedy}")


def check_machine(venv: pathlib.Path) -> Iterator[Finding]:
    """Checks whether the machine is supported, and how much memory and disk space is free."""
    here = host.this_host()
    wrong = host.problem(here._replace(python=(3, 11), implementation="cpython"))
    if wrong:
        yield Finding("mend", *wrong.splitlines())
        return
    library = "glibc {}.{}".format(*here.glibc or (0, 0))
    yield Finding("ok", f"Linux on {here.machine}, {library}, {os.cpu_count()} cores")
    yield python_finding(venv, here)
    if not has_avx(pathlib.Path("/proc/cpuinfo")):
        yield Finding("mend", "The processor has no AVX, which TensorFlow's package needs.", "use another machine")
    memory = host.memory()
    if memory is not None:
        yield memory_finding(*memory)
    yield from shared_memory_findings(pathlib.Path("/dev/shm"))
    yield disk_finding(shutil.disk_usage(venv.parent).free, made=installed.read_stamp(venv) is not None)
    yield from gpu_findings(host.gpus(), has_cuda_libraries(venv))


def python_finding(venv: pathlib.Path, here: host.Host) -> Finding:
    """Checks whether Python 3.11 is installed."""
    if here.python == (3, 11):
        return Finding("ok", f"Python {sys.version.split()[0]} ({os.path.realpath(sys.executable)})")
    for candidate in (str(venv / "bin" / "python"), "python3.11"):
        if is_python_311(candidate):
            return Finding("ok", f"Python 3.11 ({os.path.realpath(shutil.which(candidate) or candidate)})")
    return Finding("mend", "There is no Python 3.11: TFX 1.21 has packages for no other version.", "install python3.11")


def is_python_311(program: str) -> bool:
    """Returns whether a program exists and is Python 3.11."""
    test = "import sys; raise SystemExit(sys.version_info[:2] != (3, 11))"
    try:
        return subprocess.run([program, "-ISc", test], stderr=subprocess.DEVNULL, timeout=10).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def has_avx(cpuinfo: pathlib.Path) -> bool:
    """Returns whether the processor can run TensorFlow's package; true if that cannot be read."""
    try:
        flags = [line for line in cpuinfo.read_text(encoding="ascii", errors="replace").splitlines() if "flags" in line]
    except OSError:
        return True
    return not flags or " avx " in flags[0] + " "


def memory_finding(free: int, total: int) -> Finding:
    """Checks the memory; TensorFlow, Beam and TFX take 1.5 GB before the first row is read."""
    text = f"{free / GIGABYTE:.1f} of {total / GIGABYTE:.1f} GB of memory free"
    if total < 3 * GIGABYTE:
        return Finding("mend", f"{text}: a run needs 3 GB.", "use a machine or container with 4 GB or more")
    if free < 3 * GIGABYTE:
        return Finding("note", f"{text}: a run needs about 3 GB.", "close other programs")
    return Finding("ok", text)


def shared_memory_findings(folder: pathlib.Path) -> Iterator[Finding]:
    """Checks whether processes can share locks; otherwise Beam fails late, with an unrelated message."""
    if not os.access(folder, os.W_OK):
        yield Finding(
            "mend",
            f"{folder} cannot be written to, and Beam needs it.",
            "mount a tmpfs there that all users can write to",
        )


def disk_finding(free: int, made: bool) -> Finding:
    """Checks the disk space for the environment and for runs."""
    text = f"{free / GIGABYTE:.1f} GB of disk free"
    needed = 1 if made else 7
    if free < needed * GIGABYTE:
        what = "a run" if made else "the environment, downloads included,"
        return Finding(
            "mend", f"{text}: {what} needs {needed} GB.", "free space, or move the repository to another disk"
        )
    return Finding("ok", text)


def has_cuda_libraries(venv: pathlib.Path) -> bool:
    """Returns whether CUDA's libraries are installed, as packages or on the system."""
    return "nvidia-cudnn-cu12" in installed.installed_versions(venv) or ctypes.util.find_library("cudnn") is not None


def gpu_findings(gpus: Sequence[str], libraries: bool) -> Iterator[Finding]:
    """Lists the accelerators, and checks whether TensorFlow can use them."""
    if not gpus:
        yield Finding("ok", "no NVIDIA GPU (nvidia-smi finds none): training runs on the processor")
    for gpu in gpus:
        yield Finding("ok" if libraries else "note", f"GPU {gpu}")
    if gpus and not libraries:
        version = installed.locked_versions(installed.LOCK.read_text(encoding="utf-8"))["tensorflow"]
        command = f".venv/bin/uv pip install --python .venv/bin/python 'tensorflow[and-cuda]=={version}'"
        yield Finding("note", "CUDA's libraries are missing: training runs on the processor.", command)


def check_environment(venv: pathlib.Path) -> Iterator[Finding]:
    """Checks whether `.venv` is complete, undamaged and as locked."""
    yield venv_finding(venv)
    if installed.read_stamp(venv) is None:  # an unfinished environment is made again as a whole
        return
    lock = installed.locked_versions(installed.LOCK.read_text(encoding="utf-8"))
    have = installed.installed_versions(venv)
    yield from package_findings(lock, have)
    broken = broken_files(venv)
    if broken:
        some = "\n".join(broken[:5]) + (f"\nand {len(broken) - 5} more" if len(broken) > 5 else "")
        yield Finding("mend", f"files that are missing or changed, {len(broken)}:\n{some}", MAKE_AGAIN)
    yield from native_findings(venv, lock)
    link = installed.site_packages(venv) / "skewless.pth"
    if not link.is_file() or link.read_text(encoding="utf-8").strip() != str(venv.parent):
        yield Finding("mend", "The project itself is not on the environment's path.", MAKE_AGAIN)


def venv_finding(venv: pathlib.Path) -> Finding:
    """Checks whether `.venv` exists, is complete and up to date."""
    if not venv.exists():
        return Finding("mend", "There is no .venv yet.", "make venv")
    stamp = installed.read_stamp(venv)
    if stamp is None and not (venv / installed.LOCK_NAME).exists():
        return Finding("mend", ".venv was not made by make.", "move it away or delete it, then: make venv")
    if stamp is None:
        return Finding("mend", ".venv is half made, or was moved.", "make venv")
    if stamp.inputs != installed.inputs_digest():
        return Finding("mend", ".venv was made from another requirements.lock.", "make venv")
    if stamp != installed.current_stamp(venv, host.this_host().replaces_native):
        return Finding("mend", "The native modules are not those that make installed.", "make venv")
    return Finding("ok", ".venv is complete and was made from the current requirements.lock")


def package_findings(lock: dict[str, str], have: dict[str, str]) -> Iterator[Finding]:
    """Compares the installed packages with the lock, and lists the most important versions."""
    missing = sorted(name for name in lock if name not in have)
    different = sorted(name for name in lock if name in have and have[name] != lock[name])
    others = sorted(set(have) - set(lock) - {"pip", "setuptools", "uv", "wheel"})
    if missing:
        yield Finding("mend", f"missing, {len(missing)} of {len(lock)} locked packages: {listed(missing)}", MAKE_AGAIN)
    if different:
        pairs = [f"{name} {have[name]} (locked {lock[name]})" for name in different]
        yield Finding("mend", f"of another version than locked, {len(different)}: {listed(pairs)}", MAKE_AGAIN)
    if not missing and not different:
        yield Finding("ok", f"{len(lock)} locked packages, all there\n" + "\n".join(named_versions(have)))
    if others:
        yield Finding("note", f"beside the lock, {len(others)}: {listed(others)}")


def named_versions(have: dict[str, str]) -> list[str]:
    """Returns the most important versions, in a few lines."""
    return [" · ".join(f"{name} {have[name]}" for name in names if name in have) for names in NAMED]


def listed(names: Sequence[str], most: int = 6) -> str:
    """Returns the first names, separated by commas, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def broken_files(venv: pathlib.Path) -> list[str]:
    """Returns the files that a package's RECORD lists and that are missing or have another size."""
    folder = installed.site_packages(venv)
    replaced = set(installed.NATIVE_MODULES.values())
    broken = []
    for record in folder.glob("*.dist-info/RECORD"):
        for path, size in recorded_sizes(record.read_text(encoding="utf-8")):
            if path in replaced or path.endswith(".pyc"):
                continue
            try:
                actual = os.stat(folder / path).st_size
            except OSError:
                actual = -1
            if actual != size:
                broken.append(path)
    return sorted(broken)


def recorded_sizes(record: str) -> Iterator[tuple[str, int]]:
    """Yields path and size of each line of a RECORD that gives a size: `path,sha256=...,size`."""
    for line in record.splitlines():
        path, _, size = line.rpartition(",")
        path = path.rpartition(",")[0].strip('"')
        # Files outside site-packages are scripts, which installers rewrite.
        if size.isdigit() and not path.startswith("../"):
            yield path, int(size)


def native_findings(venv: pathlib.Path, lock: dict[str, str]) -> Iterator[Finding]:
    """Lists the replaced native modules, and checks whether they load."""
    stamp = installed.read_stamp(venv)
    source = installed.locked_versions(installed.NATIVE.read_text(encoding="utf-8").replace(" --hash", " \\"))
    for package, path in installed.NATIVE_MODULES.items():
        name = path.rsplit("/", 1)[-1]
        failure = load_failure(venv, installed.site_packages(venv) / path)
        if failure:
            yield Finding("mend", f"{name} of {package} does not load: {failure}", MAKE_AGAIN)
        elif stamp is not None and stamp.replaced:
            yield Finding(
                "ok", f"{package} {lock[package]} uses {name} of {source[package]}: this glibc is before 2.39"
            )
    if stamp is not None and not stamp.replaced:
        yield Finding("ok", "no native module was replaced: this glibc fits the locked packages")


def load_failure(venv: pathlib.Path, module: pathlib.Path) -> str | None:
    """Returns the reason why a native module does not load in the environment's Python; None if it loads."""
    code = "import ctypes, sys\ntry: ctypes.CDLL(sys.argv[1])\nexcept OSError as error: sys.exit(str(error))"
    command = [str(venv / "bin" / "python"), "-ISc", code, str(module)]
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return done.stderr.decode(errors="replace").strip() if done.returncode else None


def check_variables(venv: pathlib.Path) -> Iterator[Finding]:
    """Checks the environment variables that change the behaviour of Python or TensorFlow."""
    legacy = os.environ.get("TF_USE_LEGACY_KERAS")
    if legacy in (None, "0"):
        yield Finding("ok", f"TF_USE_LEGACY_KERAS is {legacy or 'unset'}; every command here sets it to 0 (Keras 3)")
    else:
        yield Finding("mend", f"TF_USE_LEGACY_KERAS is {legacy}: tf.keras is Keras 2.", "unset TF_USE_LEGACY_KERAS")
    if os.environ.get("PYTHONPATH"):
        yield Finding("note", "PYTHONPATH is set: packages there come before .venv's.", "unset PYTHONPATH")


CHECKS: Sequence[tuple[str, Callable[[pathlib.Path], Iterator[Finding]]]] = (
    ("Machine", check_machine),
    ("Environment", check_environment),
    ("Variables", check_variables),
)


if __name__ == "__main__":
    sys.exit(main())

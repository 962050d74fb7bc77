"""Makes `.venv` from the lock: `python3.11 -m environment.bootstrap`, or simply `make`.

The steps: a virtual environment, uv, the locked packages, the project, and on an older glibc two replaced native
modules. The stamp is written last. Without a stamp everything is removed and installed again, so an installation that
was interrupted is completed by the next call; downloaded packages stay in uv's cache. Standard library only.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

if __package__ in (None, ""):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from environment import host, installed

# Wheels are chosen for this platform on every machine: for older ones, two packages have no wheel of this version.
PLATFORM = "x86_64-manylinux_2_39"
# The imports show that the packages work, and write the bytecode that the first run would otherwise have to compile.
IMPORTS = """
import tensorflow, keras, keras_tuner, tensorboard, tensorflow_transform, tensorflow_data_validation, apache_beam
import tensorflow_model_analysis, pyarrow.parquet, duckdb, pydantic, rich, sklearn.ensemble
import tfx.components, tfx.orchestration.beam.beam_dag_runner
assert None not in (tfx.components.Trainer, tfx.components.Transform, tfx.components.Evaluator)
"""


class BootstrapError(Exception):
    """The environment cannot be made; the message gives the reason and the remedy."""


def main() -> int:
    """Makes the environment if it is missing or out of date; returns the exit code."""
    problem = host.problem(host.this_host())
    if problem:
        print(problem, file=sys.stderr)
        return 2
    try:
        ensure(installed.VENV, host.this_host().replaces_native)
    except BootstrapError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error}.\nFree disk space or change the permissions there, and run make again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run make again: downloaded packages are reused.", file=sys.stderr)
        return 130
    return 0


def ensure(venv: pathlib.Path, replace: bool) -> None:
    """Makes `venv` complete and up to date; does nothing if it already is.

    Args:
        venv: the folder of the environment.
        replace: whether the native modules must be replaced by those for an older glibc.

    Raises:
        BootstrapError: it cannot be made.
    """
    if is_ready(venv, replace):
        return
    if venv.is_dir() and any(venv.iterdir()) and not (venv / installed.LOCK_NAME).exists():
        raise BootstrapError(f"{venv} was not made by make. Move it away or delete it, then run make again.")
    venv.mkdir(exist_ok=True)
    with locked(venv / installed.LOCK_NAME) as lock:
        if not is_ready(venv, replace):  # another process may have made it meanwhile
            build(venv, replace, lock)


def is_ready(venv: pathlib.Path, replace: bool) -> bool:
    """Returns whether the environment is complete and was made from the current lock for this machine."""
    stamp = installed.read_stamp(venv)
    return stamp is not None and stamp == installed.current_stamp(venv, replace)


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[int]:
    """Waits for a lock that only one process can hold, and holds it.

    Yields:
        The lock's file descriptor. A child process that inherits it keeps the lock even if this process is killed, so
        the environment is not cleared while an orphaned installer still writes to it.
    """
    import fcntl  # not at the top: Windows has no such module, and main() must still report what is not supported

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another make is installing; waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def build(venv: pathlib.Path, replace: bool, lock: int) -> None:
    """Makes or updates the environment, step by step."""
    started = time.monotonic()
    if installed.read_stamp(venv) is None:
        if importlib.util.find_spec("ensurepip") is None:
            raise BootstrapError(
                "This Python cannot make a virtual environment: its module ensurepip is missing.\n"
                "Install it (Debian and Ubuntu: apt-get install python3.11-venv) and run make again."
            )
        say(f"Making {venv}: about 3 GB, one to three minutes.")
        clear(venv)
        create(venv, lock)
    installed.remove_stamp(venv)
    install_uv(venv, lock)
    install_packages(venv, lock)
    link_project(venv)
    if replace:
        replace_native(venv, lock)
    check_imports(venv, lock)
    installed.write_stamp(venv, installed.current_stamp(venv, replace))
    say(f"The environment is ready ({time.monotonic() - started:.0f} s). `make doctor` shows what it contains.")


def clear(venv: pathlib.Path) -> None:
    """Removes the files of an unfinished installation, except the lock that is held."""
    for path in venv.iterdir():
        if path.name == installed.LOCK_NAME:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def create(venv: pathlib.Path, lock: int) -> None:
    """Makes an empty virtual environment with pip."""
    # Not sys.executable: this process may run in the environment that was just cleared.
    base = getattr(sys, "_base_executable", sys.executable)
    run([base, "-m", "venv", str(venv)], lock, "The virtual environment cannot be made.")


def install_uv(venv: pathlib.Path, lock: int) -> None:
    """Installs uv, pinned by its hash."""
    options = ["-qq", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    command = [python(venv), "-m", "pip", "install", *options, "--requirement", str(installed.UV)]
    run(command, lock, "uv cannot be installed.")


def install_packages(venv: pathlib.Path, lock: int) -> None:
    """Installs the locked packages and removes all others."""
    # A few packages exist only as pure Python sources; the lock also pins the tools that build them.
    options = ["--require-hashes", "--python-platform", PLATFORM, "--build-constraints", str(installed.LOCK)]
    for package in installed.NATIVE_MODULES:  # their modules may have been replaced
        options += ["--reinstall-package", package]
    command = [uv(venv), "pip", "sync", "--python", python(venv), "--quiet", *options, str(installed.LOCK)]
    say("Installing the locked packages; the first time, about 1.1 GB are downloaded.")
    run(command, lock, "The locked packages cannot be installed.")


def link_project(venv: pathlib.Path) -> None:
    """Makes the project importable from any folder, also for Beam's workers."""
    link = installed.site_packages(venv) / "skewless.pth"
    half = link.with_suffix(".new")
    half.write_text(f"{venv.parent}\n", encoding="utf-8")
    os.replace(half, link)


def replace_native(venv: pathlib.Path, lock: int) -> None:
    """Takes the native modules from official wheels for an older glibc; their interface, protos, is the same."""
    say("This glibc is older than 2.39: two native modules are taken from wheels for an older one.")
    with tempfile.TemporaryDirectory(dir=venv, prefix="native-") as folder:
        options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--target", folder]
        command = [uv(venv), "pip", "install", "--python", python(venv), *options, "--requirement"]
        run([*command, str(installed.NATIVE)], lock, "The native modules cannot be replaced.")
        for path in installed.NATIVE_MODULES.values():
            # A rename, not a write: the installed file is a hard link into uv's cache.
            os.replace(pathlib.Path(folder) / path, installed.site_packages(venv) / path)


def check_imports(venv: pathlib.Path, lock: int) -> None:
    """Imports all packages once."""
    say("Importing all packages once, as a check and to make the first run fast.")
    command = [python(venv), "-W", "ignore", "-c", IMPORTS]
    quiet = {"PYTHONDONTWRITEBYTECODE": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile(dir=venv) as output:
        try:
            run(command, lock, "An import fails.", stderr=output, variables=quiet)
        except BootstrapError:
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace"))
            raise


def python(venv: pathlib.Path) -> str:
    """Returns the path of the environment's Python."""
    return str(venv / "bin" / "python")


def uv(venv: pathlib.Path) -> str:
    """Returns the path of the environment's uv."""
    return str(venv / "bin" / "uv")


def run(
    command: Sequence[str],
    lock: int,
    failure: str,
    stderr: IO[bytes] | None = None,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Runs a command that holds the lock as long as it runs, and shows the elapsed time on a terminal.

    Raises:
        BootstrapError: the command failed; the message is `failure` and the remedy.
    """
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "0", **(variables or {})}
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, pass_fds=[lock], stdin=subprocess.DEVNULL, stderr=stderr)
    ticks = sys.stdout.isatty()
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        if ticks:
            print(f"\r  {time.monotonic() - started:.0f} s ", end="", flush=True)
    if ticks:
        print("\r" + " " * 12 + "\r", end="", flush=True)
    if process.returncode:
        raise BootstrapError(f"{failure} {advice(installed.VENV)}")


def advice(venv: pathlib.Path) -> str:
    """Returns the remedy for a failed step."""
    free = shutil.disk_usage(venv if venv.exists() else venv.parent).free / 1e9
    if free < 1:
        return (
            f"The disk is full: {free:.1f} GB are free at {venv}, and 7 GB are needed. Free space and run make again."
        )
    return (
        "The output above gives the reason. Usually pip and uv cannot reach the package registry, "
        f"or the disk is full ({free:.0f} GB are free, 7 GB are needed). `make doctor` checks the machine. "
        "Run make again: downloaded packages are reused."
    )


def say(text: str) -> None:
    """Prints one line of progress."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

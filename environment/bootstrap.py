"""Makes `.venv` from the lock: `python3.11 -m environment.bootstrap`, or simply `make`.

A virtual environment, uv in it by its hash, the locked packages, the project, and on an older glibc two native modules
replaced. The stamp is written last. Without a stamp whatever is there is cleared and made anew, so an installation
that was cut off anywhere ends well the next time; what was downloaded by then is in uv's cache. Standard library only.
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

# Wheels are chosen for this platform on every machine: elsewhere pip says that two packages have no such version.
PLATFORM = "x86_64-manylinux_2_39"
# Importing all of it proves that it works, and leaves the bytecode that makes the first run quick.
IMPORTS = """
import tensorflow, keras, keras_tuner, tensorboard, tensorflow_transform, tensorflow_data_validation, apache_beam
import tensorflow_model_analysis, pyarrow.parquet, duckdb, pydantic, rich, sklearn.ensemble
import tfx.components, tfx.orchestration.beam.beam_dag_runner
assert None not in (tfx.components.Trainer, tfx.components.Transform, tfx.components.Evaluator)
"""


class BootstrapError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def main() -> int:
    """Makes the environment where it is missing or out of date; returns the exit code."""
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
        print(f"{error}.\nMake room or change the permissions there, and run make again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run make again: it goes on with what was downloaded.", file=sys.stderr)
        return 130
    return 0


def ensure(venv: pathlib.Path, replace: bool) -> None:
    """Leaves `venv` finished and up to date; does nothing when it is.

    Args:
        venv: where the environment is or will be.
        replace: whether the native modules must be replaced by ones for an older glibc.

    Raises:
        BootstrapError: it cannot be made.
    """
    if is_ready(venv, replace):
        return
    if venv.is_dir() and any(venv.iterdir()) and not (venv / installed.LOCK_NAME).exists():
        raise BootstrapError(f"{venv} was not made by make. Move it away or delete it, then run make again.")
    venv.mkdir(exist_ok=True)
    with locked(venv / installed.LOCK_NAME) as lock:
        if not is_ready(venv, replace):  # whoever held the lock may have made it
            build(venv, replace, lock)


def is_ready(venv: pathlib.Path, replace: bool) -> bool:
    """Returns whether the environment is finished and made from today's lock for this machine."""
    stamp = installed.read_stamp(venv)
    return stamp is not None and stamp == installed.current_stamp(venv, replace)


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[int]:
    """Holds a lock that only one process can hold; waits for it.

    Yields:
        The lock's file descriptor. A child that inherits it keeps the lock even when this process is killed, so
        nobody clears the environment while an orphaned installer still writes to it.
    """
    import fcntl  # not at the top: Windows has none, and must get as far as being told so

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
    """Makes or updates the environment, one step after the other."""
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
    say(f"The environment is ready ({time.monotonic() - started:.0f} s). `make doctor` tells what it holds.")


def clear(venv: pathlib.Path) -> None:
    """Removes what an unfinished installation left, all but the lock that is being held."""
    for path in venv.iterdir():
        if path.name == installed.LOCK_NAME:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def create(venv: pathlib.Path, lock: int) -> None:
    """Makes an empty virtual environment with pip in it."""
    # Not sys.executable: this may run in the very environment that was just cleared.
    base = getattr(sys, "_base_executable", sys.executable)
    run([base, "-m", "venv", str(venv)], lock, "No virtual environment can be made.")


def install_uv(venv: pathlib.Path, lock: int) -> None:
    """Installs uv by its hash."""
    options = ["-qq", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    command = [python(venv), "-m", "pip", "install", *options, "--requirement", str(installed.UV)]
    run(command, lock, "uv cannot be installed.")


def install_packages(venv: pathlib.Path, lock: int) -> None:
    """Makes the environment hold the locked packages and no others."""
    # The lock also says by what hash those few are built that exist as pure Python sources only.
    options = ["--require-hashes", "--python-platform", PLATFORM, "--build-constraints", str(installed.LOCK)]
    for package in installed.NATIVE_MODULES:  # whose modules may have been replaced
        options += ["--reinstall-package", package]
    command = [uv(venv), "pip", "sync", "--python", python(venv), "--quiet", *options, str(installed.LOCK)]
    say("Installing the locked packages; the first time some 1.1 GB are downloaded.")
    run(command, lock, "The locked packages cannot be installed.")


def link_project(venv: pathlib.Path) -> None:
    """Makes the project importable from everywhere, also for Beam's workers."""
    link = installed.site_packages(venv) / "skewless.pth"
    half = link.with_suffix(".new")
    half.write_text(f"{venv.parent}\n", encoding="utf-8")
    os.replace(half, link)


def replace_native(venv: pathlib.Path, lock: int) -> None:
    """Takes the native modules from the official wheels for an older glibc: they speak in protos that never changed."""
    say("This glibc is older than 2.39: two native modules are taken from wheels that fit it.")
    with tempfile.TemporaryDirectory(dir=venv, prefix="native-") as folder:
        options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--target", folder]
        command = [uv(venv), "pip", "install", "--python", python(venv), *options, "--requirement"]
        run([*command, str(installed.NATIVE)], lock, "The native modules cannot be replaced.")
        for path in installed.NATIVE_MODULES.values():
            # A rename, never a write: the installed file is a hard link into uv's cache.
            os.replace(pathlib.Path(folder) / path, installed.site_packages(venv) / path)


def check_imports(venv: pathlib.Path, lock: int) -> None:
    """Imports everything once."""
    say("Importing everything once: it proves that it works, and makes the first run quick.")
    command = [python(venv), "-W", "ignore", "-c", IMPORTS]
    quiet = {"PYTHONDONTWRITEBYTECODE": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile(dir=venv) as words:
        try:
            run(command, lock, "An import fails.", stderr=words, variables=quiet)
        except BootstrapError:
            words.seek(0)
            sys.stderr.write(words.read().decode(errors="replace"))
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
    """Runs a command that keeps the lock while it lives, and shows on a terminal that time goes by.

    Raises:
        BootstrapError: it failed; the message is `failure` and what to do.
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
    """Returns what to look at when a step failed."""
    free = shutil.disk_usage(venv if venv.exists() else venv.parent).free / 1e9
    if free < 1:
        return f"The disk is full: {free:.1f} GB are free at {venv}, and 7 GB are needed. Make room and run make again."
    return (
        "The words above say why. Most often the package registry that pip and uv are set up for cannot be reached, "
        f"or the disk is full ({free:.0f} GB are free, 7 GB are needed). `make doctor` looks at the machine. "
        "Run make again: it goes on with what was downloaded."
    )


def say(text: str) -> None:
    """Prints one line of progress."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

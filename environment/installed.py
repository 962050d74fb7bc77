"""Reads the contents of `.venv`: the stamp of a complete installation, the packages, the native modules.

Standard library only, so that it works before anything is installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import re
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
UV = ROOT / "environment" / "locks" / "uv.txt"
NATIVE = ROOT / "environment" / "locks" / "native.txt"
# Increased when bootstrap.py changes the layout of the environment.
LAYOUT = 1

# Held while `.venv` is made, and kept. Not `.lock`: uv locks that file itself and would wait forever.
LOCK_NAME = ".bootstrap.lock"

# The native modules that need a new glibc: the package, and its file below site-packages.
NATIVE_MODULES = {
    "tensorflow-data-validation": "tensorflow_data_validation/pywrap/tensorflow_data_validation_extension.so",
    "ml-metadata": "ml_metadata/metadata_store/pywrap/metadata_store_extension.so",
}


class Stamp(NamedTuple):
    """The inputs of a complete installation. It is written last, and removed before anything changes.

    Attributes:
        inputs: digest of the lock and the two files of pinned hashes.
        root: the repository's folder, since scripts in a virtual environment name it.
        replaced: whether the native modules were replaced.
        modules: their sizes and times of change, which reveal a module that another installer has replaced.
    """

    inputs: str
    root: str
    replaced: bool
    modules: dict[str, Any]


def inputs_digest(*files: pathlib.Path) -> str:
    """Returns a digest of the inputs of the environment: the contents of the files, in order."""
    digest = hashlib.sha256(str(LAYOUT).encode())
    for file in files or (LOCK, UV, NATIVE):
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()


def site_packages(venv: pathlib.Path) -> pathlib.Path:
    """Returns the folder of the installed packages."""
    return venv / "lib" / "python3.11" / "site-packages"


def module_marks(venv: pathlib.Path) -> dict[str, Any]:
    """Returns [size, time of change in seconds] of each installed native module, by package.

    The layers of an image hold whole seconds.
    """
    marks = {}
    for package, path in NATIVE_MODULES.items():
        try:
            status = (site_packages(venv) / path).stat()
        except OSError:
            continue
        marks[package] = [status.st_size, int(status.st_mtime)]
    return marks


def current_stamp(venv: pathlib.Path, replaced: bool) -> Stamp:
    """Returns the stamp for the present state of an installation."""
    return Stamp(inputs_digest(), str(venv.parent), replaced, module_marks(venv))


def read_stamp(venv: pathlib.Path) -> Stamp | None:
    """Returns the stamp; None if there is none, or if the environment is gone or was moved."""
    try:
        stamp = Stamp(**json.loads((venv / "skewless.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    usable = os.access(venv / "bin" / "python", os.X_OK) and stamp.root == str(venv.parent)
    return stamp if usable else None


def write_stamp(venv: pathlib.Path, stamp: Stamp) -> None:
    """Writes the stamp in one step, so that a reader never sees a part of it."""
    half = venv / "skewless.json.new"
    half.write_text(json.dumps(stamp._asdict(), indent=1) + "\n", encoding="utf-8")
    os.replace(half, venv / "skewless.json")


def remove_stamp(venv: pathlib.Path) -> None:
    """Removes the stamp before the environment changes: without one it counts as half made."""
    with contextlib.suppress(FileNotFoundError):
        (venv / "skewless.json").unlink()


def normalized(name: str) -> str:
    """Returns a package's normalized name, as registries compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_versions(text: str) -> dict[str, str]:
    """Returns the version of each package that a lock names."""
    return {normalized(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)}


def installed_versions(venv: pathlib.Path) -> dict[str, str]:
    """Returns the version of each installed package, read from the names of the folders."""
    versions = {}
    for folder in site_packages(venv).glob("*.dist-info"):
        name, _, version = folder.name[: -len(".dist-info")].rpartition("-")
        versions[normalized(name)] = version
    return versions

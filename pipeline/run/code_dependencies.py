"""Finds the code that a module runs: the project's modules that it imports, and the versions of the libraries.

A dotted path in a text counts as an import, since TFX and subprocesses are given modules by name.
"""

import ast
import functools
import importlib.metadata
import pathlib
import re

from core import digests

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
PACKAGES = ("pipeline", "components", "models", "ingest", "core")
_DOTTED = re.compile(rf"({'|'.join(PACKAGES)})(\.\w+)+")
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


def digest_of_project() -> str:
    """Returns the digest of the source of the whole project and of the lock of its libraries."""
    sources = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return digests.of_values(*(digests.of_file(path) for path in [*sources, LOCK] if path.exists()))


def digest_of_source(module: str) -> str:
    """Returns the digest of the source of a module and of all the project's modules that it imports."""
    return digests.of_values(*(_file_digest(path) for path in sorted(_imported(module)[0])))


def library_versions(module: str) -> dict[str, str]:
    """Returns the locked version of each library that a module, or a module of the project that it imports, imports."""
    locked = _locked_versions()
    imported = {distribution for name in _imported(module)[1] for distribution in _distributions(name)}
    return {distribution: locked[distribution] for distribution in sorted(imported & set(locked))}


def clear() -> None:
    """Forgets what was read of the files."""
    for function in (_imported, _names, _file_digest, _distributions, _locked_versions):
        function.cache_clear()


@functools.cache
def _imported(module: str) -> tuple[frozenset[pathlib.Path], frozenset[str]]:
    """Returns the files of the project's modules that a module imports, itself included, and the names of others."""
    files: set[pathlib.Path] = set()
    others: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None:
            others.update([name] if name.split(".")[0] not in PACKAGES else [])
        elif path not in files:
            files.add(path)
            waiting.extend(_names(path))
    return frozenset(files), frozenset(others)


def _file_of(module: str) -> pathlib.Path | None:
    """Returns the file of a module of the project; None for a library, or for a name inside a module."""
    if module.split(".")[0] not in PACKAGES:
        return None
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()), None)


@functools.cache  # the stages share most of their modules
def _names(path: pathlib.Path) -> frozenset[str]:
    """Returns the dotted names that a module imports, also inside functions, and those in its texts."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
            names.update([node.value, node.value.rpartition(".")[0]])
    return frozenset(names)


_file_digest = functools.cache(digests.of_file)


@functools.cache
def _distributions(name: str) -> tuple[str, ...]:
    """Returns the distributions that provide an imported name, in the spelling of the lock."""
    top, _, rest = name.partition(".")
    found = {_normalized(distribution) for distribution in _packages().get(top, ())}
    # Several distributions share the package `google`: the one that is named like the subpackage provides it.
    named = {distribution for distribution in found if distribution in (_normalized(top), rest.split(".")[0])}
    return tuple(sorted(named or found))


_packages = functools.cache(importlib.metadata.packages_distributions)


@functools.cache
def _locked_versions() -> dict[str, str]:
    text = LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""
    return {_normalized(name): version for name, version in _LOCKED.findall(text)}


def _normalized(distribution: str) -> str:
    """Returns the name of a distribution as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()

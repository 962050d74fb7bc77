"""Functions that a configuration names by a dotted path: found in the source text, without importing anything."""

import ast
import importlib.util
from pathlib import Path

from core.errors import UserError
from core.text import did_you_mean, listing
from pipeline.config import extras

# The libraries of the extra `challengers` in pyproject.toml.
_EXTRA = ("lightgbm", "scikeras", "skorch", "torch", "xgboost")


def check_function(path: str, field: str) -> None:
    """Checks that `package.module.function` exists.

    A module that is not Python source is taken as it is.

    Raises:
        UserError: there is no such module, or it has no such function.
    """
    module, _, function = path.rpartition(".")
    source = _source(module, field, path)
    if source.suffix != ".py":
        return
    try:
        tree = ast.parse(source.read_bytes(), str(source))
    except SyntaxError as error:
        raise UserError(f"{field} is {path}, but {source}:{error.lineno} is not Python: {error.msg}.") from None
    names = _defined(tree)
    if function not in names and "*" not in names:
        raise UserError(
            f"{field} is {path}, but {source} defines no {function}.{did_you_mean(function, names)} "
            f"It defines: {listing(sorted(names)) or 'nothing'}."
        )


def _source(module: str, field: str, path: str) -> Path:
    """Returns the file of a module. Only the outermost package is looked up by Python, which imports nothing for it."""
    top, *rest = module.split(".")
    if top in _EXTRA:
        extras.check(top, "challengers", f"{field} is {path}")
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise UserError(
            f"{field} is {path}, but there is no module {top}. It must be importable from the current folder or "
            "installed in this environment; check its name, or set PYTHONPATH to the folder that holds it."
        )
    if not rest:
        return Path(spec.origin or "")
    for folder in spec.submodule_search_locations or ():
        base = Path(folder, *rest)
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    raise UserError(f"{field} is {path}, but the package {top} has no module {'.'.join(rest)}. Check the path.")


def _defined(tree: ast.Module) -> set[str]:
    """Returns the names that a module defines or imports at its top level; `*` where it imports all of another."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node in tree.body:
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names

"""Adds what a document describes to its registry: the code of its first block, and the line of its second one."""

import importlib
import pathlib
import re
from typing import Any

import pytest

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs" / "adding"


def add(
    document: str, registry: dict[str, Any], folder: pathlib.Path, patch: pytest.MonkeyPatch, module: str | None = None
) -> str:
    """Registers the entry of a document until the patch is undone; returns its name.

    Args:
        document: the name of the file in docs/adding/.
        registry: the mapping that gets the entry.
        folder: a folder for the module.
        patch: undoes the change.
        module: the name of the module, where the line of the document names it.
    """
    code, line = re.findall(r"```python\n(.*?)```", (DOCS / document).read_text(encoding="utf-8"), re.DOTALL)
    module = module or f"added_{document.removesuffix('.md')}"
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    patch.syspath_prepend(str(folder))
    loaded = importlib.import_module(module)
    ((name, entry),) = eval(f"{{{line}}}", {**vars(loaded), module: loaded}).items()
    patch.setitem(registry, name, entry)
    return str(name)

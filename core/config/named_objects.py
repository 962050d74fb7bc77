"""Imports the objects that the configuration and the registries name by a dotted path."""

import pkgutil
from typing import Any


def load(path: str) -> Any:
    """Returns the object `package.module.name`.

    Raises:
        Exception: whatever the module raises while it is imported; AttributeError: it has no such object.
    """
    module, _, name = path.rpartition(".")
    return pkgutil.resolve_name(f"{module}:{name}")

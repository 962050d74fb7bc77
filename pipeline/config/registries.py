"""Checks the names in a configuration that registries define: reader formats, search algorithms, metrics of gates."""

import importlib
from collections.abc import Iterator, Mapping

from pipeline.config import messages
from pipeline.config.yaml_reader import Path

# The registry of the names that a field accepts; `*` stands for the keys of a mapping. It is imported only for a name
# that is given: DuckDB and NumPy, which some of them import, would slow every command down.
REGISTRIES: Mapping[Path, str] = {
    ("data", "format"): "ingest.readers.READERS",
    ("model", "family"): "models.families.FAMILIES",
    ("tune", "algorithm"): "models.tuning.searches.SEARCHES",
    ("evaluate", "gates", "*"): "models.evaluation.metrics.METRICS",
}


def accepted(path: Path) -> Mapping[str, object]:
    """Returns the registry of a field."""
    module, _, name = REGISTRIES[path].rpartition(".")
    registry: Mapping[str, object] = getattr(importlib.import_module(module), name)
    return registry


def problems(settings: Mapping[str, object]) -> Iterator[tuple[Path, str]]:
    """Yields the path of each name that is not registered, and a message.

    Args:
        settings: the dumped configuration.
    """
    for path in REGISTRIES:
        value: object = settings
        for key in path:
            if key != "*":
                value = value[key]  # type: ignore[index]
        names = value if isinstance(value, Mapping) else [value] if isinstance(value, str) else []
        for name in names:
            registry = accepted(path)
            if name not in registry:
                given = (*path[:-1], name) if path[-1] == "*" else path
                yield given, messages.not_accepted(name, registry)

"""Checks the names in a configuration that registries define: reader formats, search algorithms, metrics of gates."""

from collections.abc import Iterator, Mapping

from core.config import named_objects
from core.config.types import Section
from pipeline.config import messages
from pipeline.config.yaml_reader import Path, join_path

# The registry of the names that a field, or the keys of a mapping, may have. It is imported only for a name that is
# given: DuckDB and NumPy, which some of them import, would slow every command down.
REGISTRIES: Mapping[tuple[str, str], str] = {
    ("data", "format"): "ingest.readers.READERS",
    ("model", "family"): "models.families.NAMES",
    ("tune", "algorithm"): "models.tuning.searches.SEARCHES",
    ("evaluate", "gates"): "models.evaluation.metrics.METRICS",
    ("evaluate", "max_gaps"): "models.evaluation.fairness.MEASURES",
    ("score", "signed"): "pipeline.scoring.rubric.TESTS",
    ("deploy", "stages"): "pipeline.graph.BY_NAME",
}


def accepted(path: tuple[str, str]) -> Mapping[str, object]:
    """Returns the registry of a field."""
    registry: Mapping[str, object] = named_objects.load(REGISTRIES[path])
    return registry


def problems(settings: Section) -> Iterator[tuple[Path, str]]:
    """Yields the path of each name that is not registered, and a message."""
    for section, field in REGISTRIES:
        value = getattr(getattr(settings, section), field)
        for name in [value] if isinstance(value, str) else value or ():
            registry = accepted((section, field))
            if name not in registry:
                path = (section, field) if name == value else (section, field, name)
                yield path, f"`{join_path(path)}` {messages.not_accepted(name, registry)}"

"""Lists the families that `model: {family: auto}` trains, in the order of what they teach in a second."""

from models.families import FAMILIES

_ORDER = ("linear", "trees", "tabm", "mlp")


def families() -> tuple[str, ...]:
    """Returns the names of the families in their order."""
    return tuple(name for name in _ORDER if name in FAMILIES)

"""The model families: each is one module with `build`, and its hyperparameters stand in `spaces`.

To add one, write a module beside `mlp.py`, its entry in `spaces.SPACES` and its line in `get`; the suite in
tests/models/test_families.py runs over all of them.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from core.spec import Input
from models.families.space import check, defaults, names

if TYPE_CHECKING:
    import keras

Build = Callable[[tuple[Input, ...], int, Mapping[str, Any]], "keras.Model"]

__all__ = ["Build", "check", "defaults", "get", "names"]


def get(name: str) -> Build:
    """Returns a family's `build(inputs, outputs, hyperparameters) -> keras.Model`.

    The model takes what `models.preprocessing.packing.pack` gives and returns float32[batch, outputs] without bounds:
    the logit of a binary task's second class, a logit a class, or a regression's standardised prediction.

    Raises:
        UserError: there is no such family.
    """
    check(name, {})
    # Only now, because they import Keras; and named, because whoever asks what a stage depends on reads the imports.
    from models.families import linear, mlp

    builds: dict[str, Build] = {"linear": linear.build, "mlp": mlp.build}
    return builds[name]

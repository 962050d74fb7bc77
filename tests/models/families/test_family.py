"""Hyperparameters as a command line checks them."""

import subprocess
import sys

import pytest

from core.errors import UserError
from models import families


def test_defaults_are_in_range_and_can_be_replaced():
    for name, family in families.FAMILIES.items():
        families.check(name, family.defaults())
        assert family.name == name
    assert families.FAMILIES["mlp"].defaults({"units": 128})["units"] == 128


@pytest.mark.parametrize(
    ("family", "hyperparameters", "message"),
    [
        ("mpl", {}, "There is no model family 'mpl'. Did you mean 'mlp'\\? Expected one of auto, linear, mlp"),
        ("mlp", {"unit": 3}, "There is no hyperparameter of family 'mlp' named 'unit'. Did you mean 'units'"),
        ("mlp", {"units": 2.5}, "units is 2.5, and a whole number from 128 to 768 was expected"),
        ("mlp", {"units": True}, "units is True"),
        ("mlp", {"dropout": 0.9}, "dropout is 0.9, and a number from 0 to 0.5 was expected"),
        ("mlp", {"dropout": "much"}, "dropout is 'much'"),
        ("mlp", {"activation": "tanh"}, "activation is 'tanh', and one of relu, gelu, silu was expected"),
    ],
)
def test_what_does_not_exist_is_an_error(family, hyperparameters, message):
    with pytest.raises(UserError, match=message):
        families.check(family, hyperparameters)


def test_checking_imports_nothing_heavy():
    heavy = {"keras", "keras_tuner", "tensorflow"}
    code = f"import sys, models.families, models.tuning.searches; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"

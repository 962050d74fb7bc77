"""Declares the hyperparameters of a family for KerasTuner."""

from collections.abc import Mapping
from typing import Any

import keras_tuner

from models.families import FAMILIES
from models.families.family import Choice


def space(family: str, fixed: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    """Returns the hyperparameters of a family for KerasTuner, some of them at a fixed value."""
    declared = keras_tuner.HyperParameters()
    for name, parameter in FAMILIES[family].space.items():
        if name in fixed:
            declared.Fixed(name, fixed[name])
        elif isinstance(parameter, Choice):
            declared.Choice(name, list(parameter.values), default=parameter.default)
        else:
            declare = declared.Int if isinstance(parameter.default, int) else declared.Float
            options = {"sampling": "log" if parameter.log else "linear", "default": parameter.default}
            declare(name, parameter.low, parameter.high, step=parameter.step, **options)
    return declared

"""Defines the base class of the sections of the configuration, and the types of their values."""

import re
from typing import Annotated, Any

import pydantic
from pydantic import BeforeValidator, Field


def _text(value: Any) -> Any:
    """Takes a column or a class whose name is a number or a truth value for text."""
    if isinstance(value, bool):
        return str(int(value))
    return str(value) if isinstance(value, int) else value


def _tuples(value: Any) -> Any:
    """Takes one text for a list of one, and makes lists tuples, all the way down."""
    if isinstance(value, str):
        return (value,)
    return tuple(map(_inner, value)) if isinstance(value, list | tuple) else value


def _inner(value: Any) -> Any:
    return tuple(map(_inner, value)) if isinstance(value, list | tuple) else _text(value)


def check_amount(value: str) -> str:
    """Returns an amount of memory as it is; ValueError where it is none."""
    if not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", value):
        raise ValueError(f"{value!r} is not an amount of memory. Write it like 500MB or 2GB.")
    return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Column = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_tuples)]
Slices = Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_tuples)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
CountOrZero = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Seed = Annotated[int, BeforeValidator(_whole), Field(ge=0, lt=2**31)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Section(pydantic.BaseModel):
    """A section: frozen, without unknown keys, and without conversion between types."""

    model_config = pydantic.ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        serialize_by_alias=True,
    )


def check_dotted_path(value: str) -> str:
    """Returns `package.module.function` as it is; ValueError where it is not of that form."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", value):
        raise ValueError(f"`{value}` is not a dotted path. Write it as package.module.function.")
    return value


def check_name(value: str) -> str:
    """Returns a run's name as it is; ValueError where it cannot be a folder's name everywhere."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", value):
        raise ValueError(f"{value!r} cannot be a folder's name. Use at most 100 letters, digits, `_`, `-` and `.`.")
    return value

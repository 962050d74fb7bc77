"""Defines the base class of the sections of the configuration, and the types of their values."""

import re
from collections.abc import Callable
from typing import Annotated, Any

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field


def _text(value: Any) -> Any:
    """Takes a column or a class whose name is a number or a truth value for text."""
    if isinstance(value, bool):
        return str(int(value))
    return str(value) if isinstance(value, int) else value


def _tuples(value: Any) -> Any:
    """Takes one text for a list of one, and makes lists tuples, at every depth."""
    return (value,) if isinstance(value, str) else _inner(value) if isinstance(value, list | tuple) else value


def _inner(value: Any) -> Any:
    return tuple(map(_inner, value)) if isinstance(value, list | tuple) else _text(value)


def _check(pattern: str, problem: str) -> Callable[[str], str]:
    """Returns a function that returns a text as it is, or raises ValueError where it does not match the pattern."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} {problem}")
        return value

    return check


_check_amount = _check(r"\d+(\.\d+)? ?[KMGT]i?B", "is not an amount of memory. Write it like 500MB or 2GB.")
check_dotted_path = _check(
    r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", "is not a dotted path. Write it as package.module.function."
)
check_name = _check(
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}",
    "cannot be a folder's name. Use at most 100 letters, digits, `_`, `-` and `.`.",
)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_options(options: dict[str, Any]) -> dict[str, Any]:
    for name, value in options.items():
        if name.startswith("-") or "=" in name:
            raise ValueError(f"{name!r} is written as on a command line. Write it like direct_num_workers: 4.")
        if not all(
            isinstance(item, bool | int | float | str) for item in (value if isinstance(value, list) else [value])
        ):
            raise ValueError(f"{name} is {value!r}. Give a text, a number, true, false, or a list of them.")
    if "runner" in options:
        raise ValueError("the runner is named by `beam: {runner: ...}`. Take it out of the options.")
    return options


Amount = Annotated[str, AfterValidator(_check_amount)]
Options = Annotated[dict[str, Any], AfterValidator(_check_options)]
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

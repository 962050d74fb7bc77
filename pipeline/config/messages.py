"""Explains errors of the configuration: the field, its value, the accepted values, and a near match."""

import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import pydantic

from core.text import did_you_mean
from pipeline.config import yaml_reader

_MOST_SHOWN = 8


def not_accepted(value: Any, accepted: Iterable[str]) -> str:
    """Returns what follows the name of a field that does not accept a value."""
    names = list(accepted)
    return f"is {shown(value)}.{did_you_mean(str(value), names)} Accepted: {', '.join(names)}."


def shown(value: Any) -> str:
    """Returns a value as it would stand in the configuration, cut to a readable length."""
    dumped = yaml_reader.dump_inline(value)
    return dumped if len(dumped) <= 60 else dumped[:57] + "..."


def explain(
    error: pydantic.ValidationError, model: type[pydantic.BaseModel], where: str, places: Mapping[yaml_reader.Path, str]
) -> str:
    """Returns one message for all that pydantic found wrong, one line a problem.

    Args:
        error: what pydantic raised.
        model: the model that it validated.
        where: what to call the configuration as a whole.
        places: where each key was given, by its path: a file and its line, or a flag.
    """
    found = []
    for details in error.errors(include_url=False):
        path = tuple(str(key) for key in details["loc"] if key != "[key]")
        found.append(f"{place(path, where, places)}: {_problem(details, path, model)}")
    rest = f"\n... and {len(found) - _MOST_SHOWN} more." if len(found) > _MOST_SHOWN else ""
    return "\n".join(found[:_MOST_SHOWN]) + rest


def place(path: yaml_reader.Path, where: str, places: Mapping[yaml_reader.Path, str]) -> str:
    """Returns the file and line, or the flag, that gives a key or the nearest one above it."""
    given = (places[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in places)
    return next(given, where)


def _problem(details: Any, path: yaml_reader.Path, model: type[pydantic.BaseModel]) -> str:
    field, value, context = yaml_reader.join_path(path), details["input"], details.get("ctx", {})
    kind, message = details["type"], details["msg"]
    if kind == "extra_forbidden":
        accepted = _keys(_model_at(model, path[:-1]))
        return f"`{field}` is not a known key.{did_you_mean(path[-1], accepted)} Accepted here: {', '.join(accepted)}."
    if kind == "missing":
        return f"`{field}` is missing. Add it to the configuration or give it by a flag."
    if kind == "literal_error":
        accepted = [name.strip("'") for name in context["expected"].replace(" or ", ", ").split(", ")]
        return f"`{field}` {not_accepted(value, accepted)}"
    if kind == "value_error":
        message = str(context["error"])
        return f"`{field}`: {message}" if field else message
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        accepted = _keys(_model_at(model, path))
        inside = f" Its keys: {', '.join(accepted)}." if accepted else ""
        return f"`{field}` is {shown(value)}, expected a mapping.{inside}"
    if kind in ("tuple_type", "list_type"):
        return f"`{field}` is {shown(value)}, expected a list, such as [{_example(value)}]."
    message = re.sub(r"^(Input|Value|String|Tuple|Dictionary) should", "it should", message)
    return f"`{field}` is {shown(value)}, but {message}."


def _example(value: Any) -> str:
    """Returns an element of a list in which a value may have been meant."""
    return ", ".join(map(str, value)) if isinstance(value, Mapping) else str(value)


def _keys(model: type[pydantic.BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _model_at(model: type[pydantic.BaseModel] | None, path: yaml_reader.Path) -> type[pydantic.BaseModel] | None:
    """Returns the model that a path of keys leads to, or None where it leads to something else."""
    if not path or model is None:
        return model
    field = next((field for name, field in model.model_fields.items() if path[0] in (name, field.alias)), None)
    below, rest = (field.annotation if field else None), path[1:]
    if typing.get_origin(below) in (dict, Mapping) and rest:
        below, rest = typing.get_args(below)[1], rest[1:]
    return _model_at(below, rest) if isinstance(below, type) and issubclass(below, pydantic.BaseModel) else None

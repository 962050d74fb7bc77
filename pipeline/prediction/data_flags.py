"""Lays flags `--set data.KEY=VALUE` over the section `data:`, and turns advice about that section into flags."""

import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import pydantic

from core.config.sections import Data
from core.config.types import Section
from core.errors import UserError
from pipeline.config import messages, settings, yaml_reader

# Messages advise settings as `section: {key: value}`, "..." for a value that the user has to choose.
_ADVICE = re.compile(r"`(data|features): (\{.*?\})`( in the configuration)?")


class _Accepted(Section):
    """The part of the configuration that the flags may change."""

    data: Data


def overridden(data: Data, sets: Sequence[str]) -> Data:
    """Returns the section with the flags laid over it.

    Raises:
        UserError: a flag is not of the form `data.KEY=VALUE`, or its value is not accepted.
    """
    values: dict[str, Any] = {"data": data.model_dump(exclude_none=True)}
    places: dict[yaml_reader.Path, str] = {}
    for flag, given in settings.set_flags(sets):
        values = yaml_reader.merged(values, given)
        places |= dict.fromkeys(yaml_reader.leaves(given), flag)
    try:
        return _Accepted.model_validate(values).data
    except pydantic.ValidationError as error:
        raise UserError(messages.explain(error, _Accepted, "--set", places)) from None


@contextlib.contextmanager
def advising_flags() -> Iterator[None]:
    """Turns settings of `data:` that the errors of the block advise into flags."""
    try:
        yield
    except UserError as error:
        raise UserError(_ADVICE.sub(_advice, str(error))) from error


def _advice(found: re.Match[str]) -> str:
    section, value = found[1], found[2]
    if section == "data":
        return f"`--set {shlex.quote(f'data={value}')}`"
    return f"`{section}: {value}` in the configuration of a new training"

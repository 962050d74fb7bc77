"""Errors that come out of a Beam pipeline, as they went in: runners add where they happened, or send them as text."""

import contextlib
import re
from collections.abc import Iterator

from core.errors import UserError

_WHERE = " [while running "
_SENT = re.compile(rf"{UserError.__module__}\.UserError: (.*?)(?= \[while running |\n\n|\Z)", re.DOTALL)


@contextlib.contextmanager
def unwrapped() -> Iterator[None]:
    """Raises the `UserError` of a worker in the block's own process, its message as it was.

    A runner with workers in other processes raises a RuntimeError with the worker's traceback as text.
    """
    try:
        yield
    except UserError as error:
        raise UserError(str(error).split(_WHERE)[0]) from error
    except RuntimeError as error:
        sent = _SENT.findall(str(error))
        if not sent:
            raise
        raise UserError(sent[-1].split(_WHERE)[0]) from error

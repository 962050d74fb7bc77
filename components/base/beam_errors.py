"""Restores the UserErrors of Beam workers: runners add the step to the message, or send the error as text."""

import contextlib
import re
from collections.abc import Iterator

from core.errors import UserError

_WHERE = " [while running "
_SENT = re.compile(r"core\.errors\.UserError: (.*?)(?= \[while running |\n\n|\Z)", re.DOTALL)


@contextlib.contextmanager
def unwrapped() -> Iterator[None]:
    """Raises the `UserError` of a worker in the process of the block, with its own message.

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

"""Defines the errors that end a run with a message for the user, and the message of an internal error.

A message says what happened, what was expected, and what to do. Beam rebuilds an exception from its first argument, so
each class takes one argument.
"""

from collections.abc import Iterator

from core.text import first_line


class UserError(Exception):
    """The arguments, the configuration or the data are wrong. A command ends with exit code 2."""

    exit_code = 2


class WorkerLost(UserError):
    """A worker process was ended from outside. What waits for its results never ends, so the whole process must."""


class GateError(Exception):
    """The data or the model did not pass a gate. A command ends with exit code 3."""

    exit_code = 3


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and those that led to it, the first cause last."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def first_cause(error: BaseException) -> str:
    """Returns the first line of what led to an error in a library, such as `[Errno 111] Connection refused`."""
    *_, first = chain(error)
    return first_line(first)


PROJECT = "https://github.com/skewless/skewless"
ISSUES = f"{PROJECT}/issues"


def internal_error(error: BaseException) -> str:
    """Returns the first sentences of the message for an error that the user did not cause."""
    return f"Internal error: {type(error).__name__}: {str(error).rstrip('.')}. Please report it at {ISSUES}."

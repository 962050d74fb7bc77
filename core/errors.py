"""Defines the errors that end a run with a message for the user, and the message of an internal error.

A message says what happened, what was expected, and what to do. Beam rebuilds an exception from its first argument, so
each class takes one argument.
"""


class UserError(Exception):
    """The arguments, the configuration or the data are wrong. A command ends with exit code 2."""

    exit_code = 2


class WorkerLost(UserError):
    """A worker process was ended from outside. What waits for its results never ends, so the whole process must."""


class GateError(Exception):
    """The data or the model did not pass a gate. A command ends with exit code 3."""

    exit_code = 3


ISSUES = "https://github.com/skewless/skewless/issues"


def internal_error(error: BaseException) -> str:
    """Returns the first sentences of the message for an error that the user did not cause."""
    return f"Internal error: {type(error).__name__}: {str(error).rstrip('.')}. Please report it at {ISSUES}."

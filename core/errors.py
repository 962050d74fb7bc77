"""The two ways in which a run ends that are not our fault.

Each takes one message, and the message answers three questions: what happened, what was expected, what to do.
Beam builds an exception anew from its first argument, so neither takes a second one.
"""


class UserError(Exception):
    """The arguments, the configuration or the data are wrong. A command ends with exit code 2."""

    exit_code = 2


class GateError(Exception):
    """The data or the model did not pass a gate. A command ends with exit code 3."""

    exit_code = 3


ISSUES = "https://github.com/skewless/skewless/issues"


def internal_error(error: BaseException) -> str:
    """Returns the first sentences of the message for an error that the user did not cause."""
    return f"Internal error: {type(error).__name__}: {error}. Please report it at {ISSUES}."

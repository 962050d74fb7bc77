"""Tests the error that a run ends with."""

import errno
import sqlite3

import pytest

from core.errors import UserError
from pipeline.run import full_run


def after(first: BaseException, then: BaseException) -> BaseException:
    """Returns an error that was raised while the first was handled."""
    then.__context__ = first
    return then


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError("; No space left on device; failed to append to model/variables.data"),
        after(OSError(errno.ENOSPC, "No space left on device"), RuntimeError("cannot record the failure")),
    ],
)
def test_a_full_disk_is_the_users_to_free_whichever_library_tells_it(error):
    found = full_run._cause(error, None)
    assert isinstance(found, UserError)
    assert str(found).startswith("The disk is full. Free some space and start the same command again")


def test_another_error_stays_as_it_is():
    error = after(ValueError("first"), KeyError("second"))
    assert full_run._cause(error, None) is error


def test_beams_addition_to_a_message_is_removed():
    found = full_run._cause(UserError("Column 'a' is missing. [while running 'Run[ExampleGen]']"), None)
    assert str(found) == "Column 'a' is missing."

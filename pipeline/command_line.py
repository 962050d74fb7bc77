"""Gives all commands their parser, and turns an error into a message and an exit code."""

import argparse
import atexit
import gc
import sys
from collections.abc import Callable

from core.errors import GateError, UserError


def parser(name: str, docstring: str | None) -> argparse.ArgumentParser:
    """Returns a parser without arguments.

    Args:
        name: the file of the command.
        docstring: that of its module: the first line describes the command, the last paragraph the exit codes.
    """
    description, _, rest = str(docstring).strip().partition("\n")
    epilog = "".join(rest.partition("Exit codes")[1:])
    return argparse.ArgumentParser(name, description=description, epilog=epilog, allow_abbrev=False)


def run(work: Callable[[], int], stopped: str = "stopped.") -> int:
    """Runs the work of a command; returns its exit code, and prints the message of an error in its place.

    Args:
        work: returns the exit code.
        stopped: the message after Ctrl-C.
    """
    atexit.register(gc.freeze)  # at its end Python would look for garbage among all objects of TFX, for 1.5 seconds
    try:
        return work()
    except (UserError, GateError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except OSError as error:
        message = f"error: {error.filename or 'a file'}: {error.strerror or error}. Check the path and its permissions."
        print(message, file=sys.stderr)
        return UserError.exit_code
    except KeyboardInterrupt:
        print(stopped, file=sys.stderr)
        return 130

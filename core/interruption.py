"""Lets the running work end early with what it has, on the first Ctrl-C, in place of the whole run."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

_stop: Callable[[], bool] | None = None


@contextlib.contextmanager
def ends(stop: Callable[[], bool]) -> Iterator[None]:
    """In the block, Ctrl-C calls a function, which returns False where the whole run must stop."""
    global _stop
    _stop = stop
    try:
        yield
    finally:
        _stop = None


def handle(number: int, frame: FrameType | None) -> None:
    """Handles SIGINT, in the main thread.

    Raises:
        KeyboardInterrupt: nothing that runs can end early.
    """
    if _stop is None or not _stop():
        signal.default_int_handler(number, frame)

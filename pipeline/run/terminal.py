"""Redirects the output of libraries to a log file, and prints the run's own output to the terminal."""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rich.console import Console

from core import interruption, progress
from pipeline.run import display


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[tuple[IO[str], IO[str]]]:
    """Redirects all output, of Python and of C++, to a file; yields the original standard output and error."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with open(log, "ab") as file, os.fdopen(os.dup(1), "w") as stdout, os.fdopen(os.dup(2), "w") as stderr:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background jobs ignore it
            signal.signal(signal.SIGINT, interruption.handle)
        try:
            yield stdout, stderr
        finally:
            _flush()
            for number, original in zip((1, 2), kept, strict=True):
                os.dup2(original, number)
                os.close(original)


def _flush() -> None:
    """Writes what Python has buffered to the log; drops it on a full disk, or it would be printed to the terminal."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            with open(os.devnull, "wb") as devnull:
                os.dup2(devnull.fileno(), number)
            stream.flush()


def console(file: IO[str]) -> Console:
    """Returns a console on a stream: as wide as the terminal, or 120 columns where there is none."""
    return Console(file=file, highlight=False, width=None if file.isatty() else 120)


def shown_on(console: Console, quiet: bool) -> display.Display:
    """Returns the display of a run: redrawn on a terminal, plain lines elsewhere, nothing where `quiet`."""
    if quiet:
        shown = display.Display(Console(quiet=True))
    else:
        shown = (display.LiveDisplay if console.is_terminal else display.Display)(console)
    progress.logger.setLevel(logging.INFO)
    progress.logger.propagate = False
    progress.logger.handlers[:] = [display.ProgressHandler(shown)]
    return shown

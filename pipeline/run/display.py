"""Displays a run: one line for each stage that ends, with its time and its result."""

import logging
import time
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

MARKS = {"ran": ("✓", "green"), "cached": ("=", "cyan"), "failed": ("✗", "red")}


class Display:
    """Prints one plain line when a stage ends: for logs, pipes and continuous integration."""

    def __init__(self, console: Console):
        self.console = console
        self.stage = ""
        self._begun = 0.0

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the display."""

    def note(self, text: str) -> None:
        """Prints a message that belongs to no stage."""
        self.console.print(Text(text))

    def started(self, stage: str) -> None:
        """Shows that a stage begins."""
        self.stage, self._begun = stage, time.monotonic()

    def progress(self, text: str, done: float | None, total: float | None) -> None:
        """Shows the progress of the running stage; plain lines have none."""

    def finished(self, stage: str, state: str, seconds: float, result: str) -> None:
        """Shows how a stage ended."""
        self.stage = ""
        self.console.print(line(stage, state, seconds, result))


class LiveDisplay(Display):
    """Prints the same lines on a terminal, and below them the running stage with its progress, redrawn."""

    def __init__(self, console: Console):
        super().__init__(console)
        self._state: tuple[str, float | None, float | None] = ("", None, None)
        self._spinner = Spinner("dots")
        self._live = Live(
            console=console,
            get_renderable=self._running,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,  # both are redirected to the log already
            redirect_stderr=False,
        )

    def __enter__(self) -> "LiveDisplay":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def started(self, stage: str) -> None:
        """Shows that a stage begins."""
        super().started(stage)
        self._state = ("", None, None)

    def progress(self, text: str, done: float | None, total: float | None) -> None:
        """Shows the progress of the running stage."""
        self._state = (text, done, total)

    def _running(self) -> RenderableType:
        if not self.stage:
            return Group()
        text, done, total = self._state
        row = Table.grid(padding=(0, 1))
        cells: list[RenderableType] = [self._spinner, f"{self.stage:<17}", f"{time.monotonic() - self._begun:6.1f} s"]
        if done is not None and total:
            cells.append(ProgressBar(total=total, completed=min(done, total), width=24))
        row.add_row(*cells, Text(text, style="dim", no_wrap=True, overflow="ellipsis"))
        return row


class ProgressHandler(logging.Handler):
    """Passes the progress of the stages to a display."""

    def __init__(self, display: Display):
        super().__init__()
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Shows one report."""
        self._display.progress(record.getMessage(), getattr(record, "done", None), getattr(record, "total", None))


def line(stage: str, state: str, seconds: float, result: str) -> Text:
    """Returns the line of a stage that ended."""
    mark, style = MARKS[state]
    shown = f"{seconds:6.1f} s" if state in ("ran", "failed") else f"{state:>8}"
    return Text.assemble((mark, style), f" {stage:<17}", (shown, "dim"), "  ", result)


def table(header: Iterable[str], rows: Iterable[Iterable[str]], figures: bool = True) -> Table:
    """Returns a compact table, whose columns after the first are right-aligned where they are figures."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, name in enumerate(header):
        drawn.add_column(name, justify="right" if index and figures else "left", header_style="dim", overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    return drawn

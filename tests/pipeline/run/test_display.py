"""Tests the display of a run."""

import io
import logging

import pytest
from rich.console import Console

from core import progress
from pipeline.run import display, terminal


@pytest.fixture
def shown():
    return io.StringIO()


def test_plain_lines_carry_no_escape_codes(shown):
    plain = display.Display(Console(file=shown, width=80))
    with plain:
        plain.note("! fare alone gives the label away")
        plain.started("ExampleGen")
        plain.progress("120,000 rows", 1, 2)
        plain.finished("ExampleGen", "ran", 0.04, "8 train · 1 eval · 1 test rows")
        plain.started("Tuner")
        plain.finished("Tuner", "cached", 0.04, "best auc 0.9")
    lines = shown.getvalue().splitlines()
    assert lines[0] == "! fare alone gives the label away"
    assert lines[1].split() == "✓ ExampleGen 0.0 s 8 train · 1 eval · 1 test rows".split()
    assert lines[2].split() == "= Tuner cached best auc 0.9".split()
    assert "\x1b" not in shown.getvalue()


def test_quiet_says_nothing(shown):
    with terminal.shown_on(Console(file=shown, width=80), quiet=True) as quiet:
        quiet.note("!")
        quiet.started("Tuner")
        quiet.finished("Tuner", "ran", 0.04, "")
    assert shown.getvalue() == ""


def test_a_terminal_shows_the_running_stage_with_its_progress(shown):
    console = Console(file=shown, width=100, force_terminal=True)
    live = display.LiveDisplay(console)
    progress.logger.setLevel(logging.INFO)
    progress.logger.addHandler(handler := display.ProgressHandler(live))
    with live:
        live.started("Trainer")
        progress.report("epoch 3/30, eval auc 0.91", 3, 30)
        console.print(live._running())
    progress.logger.removeHandler(handler)
    assert "epoch 3/30, eval auc 0.91" in shown.getvalue()
    assert "━" in shown.getvalue()

"""Prints a report on requests to a terminal."""

from typing import IO

from rich.markup import escape

from pipeline.monitoring.report import FeatureVerdict, Report
from pipeline.run import display, terminal

_SHOWN = 25
_STATES = {"alarm": "[red]alarm[/]", "drift": "[yellow]drift[/]", "ok": "[green]ok[/]"}
_BAR = 12


def show(report: Report, file: IO[str]) -> None:
    """Prints the report."""
    console = terminal.console(file)
    console.print(f"{report.rows:,} requests beside what {report.model} was trained on", markup=False)
    rows = [_row(feature) for feature in report.features[:_SHOWN]]
    header = ["feature", "verdict", "distance from train", "missing", "in train", "unseen", "share of change"]
    console.print(display.table(header, rows))
    if len(report.features) > _SHOWN:
        console.print(f"and {len(report.features) - _SHOWN} more features, whose verdict is no alarm first")
    for part in report.parts.values():
        for line in part.lines():
            console.print(line, markup=False)
    for note in report.notes:
        console.print(f"note: {note}", markup=False)
    for alarm in report.alarms():
        console.print(f"[red]alarm:[/] {escape(alarm)}.")
    if not report.alarms():
        console.print("No limit is passed.")


def _row(feature: FeatureVerdict) -> list[str]:
    drift = feature.drift
    bar = "█" * round(_BAR * min(1.0, drift.distance)) if drift.measure else ""
    distance = f"{drift.distance:.3f} {bar}" if drift.measure else ""
    unseen = f"{drift.unseen[0]:.1%}" if drift.unseen else ""
    shares = [f"{drift.missing[0]:.1%}", f"{drift.missing[1]:.1%}", unseen]
    change = f"{feature.share:.0%}" if feature.share is not None else ""
    return [escape(drift.name), _STATES[feature.state], distance, *shares, change]

"""Shows a report as one HTML page, which needs no other file and no network."""

from pipeline.monitoring.report import FeatureVerdict, Report
from pipeline.reporting import page, svg
from pipeline.reporting.blocks import Block, Chart, Section, Table, Text
from pipeline.reporting.numbers import number, share

_BARS = 20
_HEADER = (
    "feature",
    "verdict",
    "distance from train",
    "p-value",
    "missing",
    "missing in train",
    "unseen",
    "share of change",
)


def html(report: Report) -> str:
    """Returns the page."""
    alarms = report.alarms()
    heading = f"{len(alarms)} limits are passed." if len(alarms) > 1 else "A limit is passed." if alarms else ""
    sections = [
        Section("alarms", "Alarms: what has to be looked at?", _alarms(report)),
        Section("features", "Features: which differ from train?", _features(report)),
        Section("model", "Predictions, quality and requests", _parts(report)),
    ]
    return page.html(f"Monitoring of {report.model}", heading or "No limit is passed.", sections)


def _alarms(report: Report) -> list[Block]:
    alarms: list[Block] = [Text(f"{alarm}.", "bad") for alarm in report.alarms()]
    return (alarms or [Text("None.")]) + [Text(f"{note}.", "note") for note in report.notes]


def _features(report: Report) -> list[Block]:
    measured = [feature for feature in report.features if feature.drift.measure][:_BARS]
    blocks: list[Block] = []
    if measured:
        title = "Distance from train: Jensen-Shannon of numbers, L-infinity of categories"
        bars = svg.bars(title, [(one.drift.name, one.drift.distance, 0.0) for one in measured], "distance from train")
        rows = [[one.drift.name, number(one.drift.distance)] for one in measured]
        blocks.append(Chart(title, bars, Table(["feature", "distance from train"], rows)))
    return [*blocks, Table(_HEADER, [_row(feature) for feature in report.features], texts=2)]


def _row(feature: FeatureVerdict) -> list[str]:
    drift = feature.drift
    distance = [number(drift.distance), f"{drift.p_value:.2g}"] if drift.measure else ["", ""]
    unseen = share(drift.unseen[0]) if drift.unseen else ""
    missing = [share(drift.missing[0]), share(drift.missing[1])]
    return [drift.name, feature.state, *distance, *missing, unseen, share(feature.share)]


def _parts(report: Report) -> list[Block]:
    blocks: list[Block] = [Text(f"{report.rows:,} requests; {report.left_out:,} rows cannot be read.")]
    blocks += [Text(line) for part in report.parts.values() for line in part.lines()]
    windows = report.parts["requests"].windows if "requests" in report.parts else {}
    if windows:
        names = [f"{time:%m-%d %H:%M}" for time in windows]
        counts = [float(count) for count in windows.values()]
        unit = report.parts["requests"].unit
        chart = svg.columns(f"Requests by {unit}", names, [("", counts)], (unit, "requests"))
        rows = [[name, number(count)] for name, count in zip(names, counts, strict=True)]
        blocks.append(Chart(f"Requests by {unit}", chart, Table([unit, "requests"], rows)))
    return blocks

"""Shows a report as one HTML page, which needs no other file and no network."""

from pipeline.monitoring.report import FeatureVerdict, Report
from pipeline.monitoring.windows import Windows
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
        bars = svg.bars(
            title, [(column.drift.name, column.drift.distance, 0.0) for column in measured], "distance from train"
        )
        rows = [[column.drift.name, number(column.drift.distance)] for column in measured]
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
    return blocks + (_windows(report.parts["requests"]) if "requests" in report.parts else [])


def _windows(windows: Windows) -> list[Block]:
    names, found = [f"{time:%m-%d %H:%M}" for time in windows.by_time], windows.by_time.values()
    series: dict[str, list[float | None]] = {
        "requests": [window.requests for window in found],
        "mean prediction": [window.prediction for window in found],
    }
    for name in windows.shown:
        series[f"distance of {name}"] = [window.distances.get(name) for window in found]
    blocks: list[Block] = []
    for what, values in series.items():
        points = [(place, value) for place, value in enumerate(values) if value is not None]
        if points:
            title = f"{what[0].upper()}{what[1:]} by {windows.unit}"
            chart = svg.lines(title, [svg.Series("", points)], (windows.unit, what), categories=names)
            rows = [[name, number(value)] for name, value in zip(names, values, strict=True)]
            blocks.append(Chart(title, chart, Table([windows.unit, what], rows)))
    return blocks

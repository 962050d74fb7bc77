"""Shows requests by hour, day, month or year: how many, what was predicted, and how far the features are from train."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.monitoring.drift.feature_drift import Drift
from pipeline.monitoring.reference import Column
from pipeline.monitoring.requests.request_stream import Requests

# The units by the longest span in days that each is for.
_UNITS = {"hour": 2, "day": 62, "month": 5 * 366, "year": 300 * 366}
_LEAST_ROWS = 50  # of a window, for a distance
_BARS = "▁▂▃▄▅▆▇█"


@dataclasses.dataclass(frozen=True)
class Window:
    """The requests of an hour, a day, a month or a year.

    Attributes:
        requests: their number.
        prediction: the mean prediction, or score of the last class, of sampled ones; None where it is not known.
        distances: by feature, how far sampled ones are from train.
    """

    requests: int
    prediction: float | None = None
    distances: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Returns the window as JSON can hold it."""
        distances = {name: round(distance, 6) for name, distance in self.distances.items()}
        return {"requests": self.requests, "mean_prediction": self.prediction, "distances": distances}


@dataclasses.dataclass(frozen=True)
class Windows:
    """The requests by time.

    Attributes:
        unit: `hour`, `day`, `month` or `year`.
        by_time: the windows by their beginning in UTC, the oldest first; none without times.
        shown: the features whose distances are shown on a terminal.
    """

    unit: str
    by_time: Mapping[datetime.datetime, Window]
    shown: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns the windows as JSON can hold them."""
        return {"unit": self.unit, "windows": {time.isoformat(): one.to_dict() for time, one in self.by_time.items()}}

    def alarms(self) -> list[str]:
        """Returns no alarm: all requests together are tested, and how many there should be is not known."""
        return []

    def lines(self) -> list[str]:
        """Returns rows of bars."""
        if not self.by_time:
            return []
        first, last = min(self.by_time), max(self.by_time)
        windows = self.by_time.values()
        lines = [f"by {self.unit}, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"]
        lines += _bars("requests", [window.requests for window in windows])
        lines += _bars("mean prediction", [window.prediction for window in windows])
        for name in self.shown:
            lines += _bars(f"distance of {name!r}", [window.distances.get(name) for window in windows])
        return lines


def _bars(name: str, values: Sequence[float | None]) -> list[str]:
    """Returns a line with a bar for each value; none without values."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    most = max(map(abs, known)) or 1
    bars = "".join(" " if value is None else _BARS[round(7 * abs(value) / most)] for value in values)
    return [f"  {name}: {bars} ({min(known):,.4g} to {max(known):,.4g})"]


def of(requests: Requests, columns: Sequence[Column], predicted: np.ndarray | None, shown: Sequence[str]) -> Windows:
    """Returns the windows of requests.

    Args:
        requests: the requests.
        columns: the features in train.
        predicted: the predictions for the sampled requests, float[rows] or float[rows, classes]; None if not known.
        shown: the features whose distances are shown.
    """
    unit = _unit(list(requests.hours))
    begins = _beginnings(requests.sample_hours, unit)
    counts: dict[datetime.datetime, int] = {}
    for begin, count in zip(_beginnings(list(requests.hours), unit).tolist(), requests.hours.values(), strict=True):
        counts[begin] = counts.get(begin, 0) + count
    windows = {
        begin: _window(count, np.flatnonzero(begins == np.datetime64(begin)), requests.sample, columns, predicted)
        for begin, count in counts.items()
    }
    return Windows(unit, windows, shown)


def _unit(hours: Sequence[datetime.datetime]) -> str:
    """Returns the unit for a span of time: there are at most about 60 windows."""
    span = max(hours) - min(hours) if hours else datetime.timedelta()
    return next((unit for unit, days in _UNITS.items() if span < datetime.timedelta(days)), "year")


def _beginnings(times: np.ndarray | Sequence[datetime.datetime], unit: str) -> np.ndarray:
    """Returns the beginning of the window of each time, datetime64[s]."""
    code = {"hour": "h", "day": "D", "month": "M", "year": "Y"}[unit]
    return np.asarray(times, "datetime64[s]").astype(f"datetime64[{code}]").astype("datetime64[s]")


def _window(
    count: int, places: np.ndarray, sample: pa.RecordBatch, columns: Sequence[Column], predicted: np.ndarray | None
) -> Window:
    if len(places) < _LEAST_ROWS:
        return Window(count)
    drift = Drift(columns)
    drift.add(sample.take(pa.array(places)))
    distances = {found.name: found.distance for found in drift.results() if found.measure}
    scores = None if predicted is None else predicted[places] if predicted.ndim == 1 else predicted[places, -1]
    return Window(count, None if scores is None else float(scores.mean()), distances)

"""Splits requests by hour, day, month or year: their number, their predictions, and how far they are from train."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import UserError
from pipeline.monitoring.drift.feature_drift import Drift, FeatureDrift
from pipeline.monitoring.reference import Column
from pipeline.monitoring.requests.request_stream import Requests
from pipeline.monitoring.scorer import by_output

# The units by the longest span in days that each is for.
UNITS = {"hour": 2, "day": 62, "month": 5 * 366, "year": 300 * 366}
_MOST_WINDOWS = 1_000
_LEAST_ROWS = 50  # of a window, for a distance
_BARS = "▁▂▃▄▅▆▇█"


@dataclasses.dataclass(frozen=True)
class Window:
    """The requests of an hour, a day, a month or a year.

    Attributes:
        requests: their number.
        prediction: the mean prediction, or score of the last class, of sampled ones; None where it is not known.
        places: int64[rows], which of the sampled requests are of this time.
        features: sampled ones beside train, by feature; none where they are few.
    """

    requests: int
    prediction: float | None = None
    places: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    features: Mapping[str, FeatureDrift] = dataclasses.field(default_factory=dict)

    @property
    def distances(self) -> dict[str, float]:
        """The distances of the features from train."""
        return {name: found.distance for name, found in self.features.items() if found.measure}

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
        passed: the alarms of single windows.
    """

    unit: str
    by_time: Mapping[datetime.datetime, Window]
    shown: Sequence[str] = ()
    passed: Sequence[str] = ()

    @property
    def tested(self) -> dict[datetime.datetime, Window]:
        """The windows that are compared with train; none where there is one alone, which is all requests."""
        return {time: one for time, one in self.by_time.items() if one.features} if len(self.by_time) > 1 else {}

    def to_dict(self) -> dict[str, Any]:
        """Returns the windows as JSON can hold them."""
        return {"unit": self.unit, "windows": {time.isoformat(): one.to_dict() for time, one in self.by_time.items()}}

    def alarms(self) -> list[str]:
        """Returns the alarms of single windows; how many requests there should be is not known."""
        return list(self.passed)

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


def of(requests: Requests, columns: Sequence[Column], by: str | None = None) -> Windows:
    """Returns the windows of requests.

    Args:
        requests: the requests.
        columns: the features in train.
        by: the unit; None for one that gives at most about 60 windows.

    Raises:
        UserError: the requests have no times, or there are too many windows.
    """
    if by and not requests.hours:
        raise UserError(f"--by {by}: the requests have no times. Name the column with the time by --time.")
    unit = by or _unit(list(requests.hours))
    begins = _beginnings(requests.sample_hours, unit)
    counts: dict[datetime.datetime, int] = {}
    for begin, count in zip(_beginnings(list(requests.hours), unit).tolist(), requests.hours.values(), strict=True):
        counts[begin] = counts.get(begin, 0) + count
    if len(counts) > _MOST_WINDOWS:
        raise UserError(
            f"--by {unit} gives {len(counts):,} windows, and at most {_MOST_WINDOWS:,} are compared. Name a longer one."
        )
    places = {begin: np.flatnonzero(begins == np.datetime64(begin)) for begin in counts}
    windows = {
        begin: Window(count, None, places[begin], _features(requests.sample, places[begin], columns))
        for begin, count in counts.items()
    }
    return Windows(unit, windows)


def with_predictions(windows: Windows, predicted: np.ndarray | None) -> Windows:
    """Returns windows with the mean prediction of each, given the predictions for the sampled requests."""
    if predicted is None:
        return windows
    last = by_output(predicted)[:, -1]
    known = {
        time: dataclasses.replace(one, prediction=float(last[one.places].mean())) if one.features else one
        for time, one in windows.by_time.items()
    }
    return dataclasses.replace(windows, by_time=known)


def _unit(hours: Sequence[datetime.datetime]) -> str:
    """Returns the unit for a span of time: there are at most about 60 windows."""
    span = max(hours) - min(hours) if hours else datetime.timedelta()
    return next((unit for unit, days in UNITS.items() if span < datetime.timedelta(days)), "year")


def _beginnings(times: np.ndarray | Sequence[datetime.datetime], unit: str) -> np.ndarray:
    """Returns the beginning of the window of each time, datetime64[s]."""
    code = {"hour": "h", "day": "D", "month": "M", "year": "Y"}[unit]
    return np.asarray(times, "datetime64[s]").astype(f"datetime64[{code}]").astype("datetime64[s]")


def _features(sample: pa.RecordBatch, places: np.ndarray, columns: Sequence[Column]) -> dict[str, FeatureDrift]:
    if len(places) < _LEAST_ROWS:
        return {}
    drift = Drift(columns)
    drift.add(sample.take(pa.array(places)))
    return {found.name: found for found in drift.results()}

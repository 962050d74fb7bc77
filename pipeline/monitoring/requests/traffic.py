"""Measures the rate of requests, by hour or by day."""

import collections
import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

_HOURS = 48  # a longer span is shown by day
_BARS = "▁▂▃▄▅▆▇█"


@dataclasses.dataclass(frozen=True)
class Traffic:
    """The number of requests.

    Attributes:
        rows: of all requests.
        windows: by the beginning of each hour or day, in UTC; empty without times.
        unit: `hour` or `day`.
    """

    rows: int
    windows: Mapping[datetime.datetime, int]
    unit: str

    @classmethod
    def of(cls, rows: int, hours: Mapping[datetime.datetime, int]) -> "Traffic":
        """Takes the number of requests by hour."""
        if not hours or max(hours) - min(hours) < datetime.timedelta(hours=_HOURS):
            return cls(rows, hours, "hour")
        days: collections.Counter[datetime.datetime] = collections.Counter()
        for hour, count in hours.items():
            days[hour.replace(hour=0)] += count
        return cls(rows, dict(sorted(days.items())), "day")

    def to_dict(self) -> dict[str, Any]:
        """Returns the counts as JSON can hold them."""
        return {"unit": self.unit, "windows": {time.isoformat(): count for time, count in self.windows.items()}}

    def alarms(self) -> list[str]:
        """Returns no alarm: how many requests there should be is not known."""
        return []

    def lines(self) -> list[str]:
        """Returns the counts as a row of bars."""
        if not self.windows:
            return []
        most = max(self.windows.values())
        bars = "".join(_BARS[round(7 * count / most)] for count in self.windows.values())
        first, last = min(self.windows), max(self.windows)
        return [f"requests by {self.unit}, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}: {bars} (most {most:,})"]

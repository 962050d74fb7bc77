"""Measures the time that a search may take, so that no trial is begun that cannot end in it."""

import math
import time
from typing import Literal

_LEAST_SECONDS = 15.0
_SECONDS_PER_ROW = 0.001
_MOST_SECONDS = 300.0


def of_several(minutes: float | Literal["auto"], rows: int) -> float:
    """Returns the seconds of a search over several families.

    Args:
        minutes: as configured; `auto`: a second for each 1,000 rows, at least 15 seconds and at most 5 minutes.
        rows: the number of rows of train.
    """
    if minutes == "auto":
        return min(_MOST_SECONDS, max(_LEAST_SECONDS, _SECONDS_PER_ROW * rows))
    return 60 * minutes


def of_one_family(minutes: float | Literal["auto"]) -> float:
    """Returns the seconds of the search of one family; `auto`: those that its trials take."""
    return math.inf if minutes == "auto" else 60 * minutes


class TimeBudget:
    """The time that is left, from when it is made."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self.stopped = False

    def stop(self) -> None:
        """Ends the time by hand."""
        self.stopped, self._end = True, time.monotonic()

    def left(self) -> float:
        """Returns the seconds that are left, 0 where the time is over."""
        return max(0.0, self._end - time.monotonic())

    def allows(self, expected: float) -> bool:
        """Returns whether something that takes so many seconds would end in time."""
        return self.left() > expected

    def spent(self) -> float:
        """Returns the share of the time that is over, 0 where it is not limited."""
        return 0.0 if self._end == math.inf else 1 - self.left() / max(self._seconds, 1e-9)

    def shown(self) -> str:
        """Returns the time left in minutes and seconds, empty where it is not limited."""
        if self._end == math.inf:
            return ""
        left = round(self.left())
        return f" · {left // 60}:{left % 60:02} left"

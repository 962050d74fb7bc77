"""Requests by time."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from core.errors import UserError
from pipeline.monitoring import windows
from pipeline.monitoring.requests.request_stream import Requests

NONE = pa.RecordBatch.from_pylist([])


def _of(*times, by=None):
    hours = dict.fromkeys(map(datetime.datetime.fromisoformat, times), 2)
    nothing = np.array([], "datetime64[s]")
    return windows.of(Requests(2 * len(times), 0, None, NONE, nothing, nothing, None, hours), (), by)


@pytest.mark.parametrize(
    ("times", "unit", "expected"),
    [
        (["2026-03-01T10", "2026-03-01T11"], "hour", {"2026-03-01T10:00:00": 2, "2026-03-01T11:00:00": 2}),
        (["2026-03-01T10", "2026-03-01T11", "2026-03-04"], "day", {"2026-03-01T00:00:00": 4, "2026-03-04T00:00:00": 2}),
        (["2026-03-02", "2026-03-09", "2026-06-30"], "month", {"2026-03-01T00:00:00": 4, "2026-06-01T00:00:00": 2}),
        (["1969-03-02", "2026-03-09"], "year", {"1969-01-01T00:00:00": 2, "2026-01-01T00:00:00": 2}),
        ([], "hour", {}),
    ],
)
def test_the_unit_fits_the_span(times, unit, expected):
    found = _of(*times).to_dict()
    assert found["unit"] == unit
    assert {time: window["requests"] for time, window in found["windows"].items()} == expected


def test_a_unit_may_be_given():
    assert list(_of("2026-03-01T10", "2026-03-01T11", by="day").to_dict()["windows"]) == ["2026-03-01T00:00:00"]
    with pytest.raises(UserError, match="--by day: the requests have no times"):
        _of(by="day")
    with pytest.raises(UserError, match="--by hour gives 1,001 windows, and at most 1,000"):
        _of(*(f"{year}-01-01" for year in range(1000, 2001)), by="hour")


def test_bars_begin_at_zero():
    shown = {datetime.datetime(2026, 3, 1, hour): windows.Window(count) for hour, count in ((1, 4), (2, 0), (3, 8))}
    assert windows.Windows("hour", shown).lines() == [
        "by hour, 2026-03-01 01:00 to 2026-03-01 03:00 UTC",
        "  requests: ▅▁█ (0 to 8)",
    ]

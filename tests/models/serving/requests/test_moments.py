"""The texts of moments in a request, with the whole numbers that they are written by hand."""

import pytest
import tensorflow as tf

from models.serving.requests import moments

APRIL_10 = 1_712_707_200  # 2024-04-10 00:00 UTC


@pytest.mark.parametrize(
    ("text", "written", "unit", "expected"),
    [
        ("2024-04-10", "ISO 8601", "s", APRIL_10),
        ("2024-04-10T00:00:00Z", "ISO 8601", "s", APRIL_10),
        ("2024-04-10 02:30+02:30", "ISO 8601", "s", APRIL_10),
        ("2024-04-09T23:30:00-00:30", "ISO 8601", "s", APRIL_10),
        ("2024-04-10 00:00:00.1239", "ISO 8601", "ms", APRIL_10 * 1_000 + 123),
        ("2024-04-10 00:00:00.123456789", "ISO 8601", "ns", APRIL_10 * 1_000_000_000 + 123_456_789),
        ("1969-12-31T23:59:59.5", "ISO 8601", "s", -1),
        ("1969-12-31T23:59:59.5", "ISO 8601", "us", -500_000),
        ("2024-02-29", "ISO 8601", "s", APRIL_10 - 41 * 86_400),
        ("10.04.2024 01:00", "%d.%m.%Y %H:%M", "us", (APRIL_10 + 3_600) * 1_000_000),
        ("2024-04-10", "%d.%m.%Y %H:%M", "s", None),
        ("10.04.2024", "%j", "s", None),
        ("4/10/24", "%m/%d/%y", "s", APRIL_10),
        ("1/1/69", "%m/%d/%y", "s", -365 * 86_400),
        ("10-Apr-2024", "%d-%b-%Y", "s", APRIL_10),
        ("April 10, 2024", "%B %d, %Y", "s", APRIL_10),
        ("12:30 AM 10.4.2024", "%I:%M %p %d.%m.%Y", "s", APRIL_10 + 1_800),
        ("20240410", "%Y%m%d", "s", APRIL_10),
        ("2023-02-29", "ISO 8601", "s", None),
        ("2024-13-01", "ISO 8601", "s", None),
        ("2024-04-09 24:00", "ISO 8601", "s", APRIL_10),
        ("2024-04-09 24:00:01", "ISO 8601", "s", None),
        ("2024-04-10 25:00", "ISO 8601", "s", None),
        ("0023-04-10", "ISO 8601", "s", None),
        ("2300-01-01", "ISO 8601", "ns", None),
        ("10.04.2024", "ISO 8601", "s", None),
        ("", "ISO 8601", "s", None),
    ],
)
def test_a_text_is_a_moment_or_none(text, written, unit, expected):
    numbers, found = moments.whole_numbers(tf.constant([[text]]), written, [unit])
    assert bool(found.numpy()[0, 0]) is (expected is not None)
    if expected is not None:
        assert int(numbers.numpy()[0, 0]) == expected


def test_no_rows():
    numbers, found = moments.whole_numbers(tf.zeros([0, 2], tf.string), "%d.%m.%Y", ["s", "ns"])
    assert numbers.shape == found.shape == (0, 2)

"""Reads texts as moments: TensorFlow operations that follow the rule of docs/values.md.

The calendar is counted as Howard Hinnant describes it in "chrono-Compatible Low-Level Date Algorithms".
"""

import re
from collections.abc import Mapping, Sequence

import tensorflow as tf

from core.spec import ISO_8601, PER_SECOND, Unit

_OFFSET = r"([+-]\d{2})(?::?(\d{2}))?"
_ISO = (
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:T| +)(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,9}))?)?"
    rf" ?(?:Z|z|UTC|{_OFFSET})?)?"
)
_OFFSET_PARTS = ("offset_hour", "offset_minute")
_ISO_PARTS = ("year", "month", "day", "hour", "minute", "second", "fraction", *_OFFSET_PARTS)
# The directives of strptime as DuckDB reads them: the part that each gives, and its texts.
_DIRECTIVES: Mapping[str, tuple[str | None, str]] = {
    "Y": ("year", r"\d{4}"),
    "y": ("short_year", r"\d{2}"),
    "m": ("month", r"\d{1,2}"),
    "b": ("month_name", "[A-Za-z]{3}"),
    "B": ("month_name", "[A-Za-z]{3,9}"),
    "d": ("day", r"\d{1,2}"),
    "H": ("hour", r"\d{1,2}"),
    "I": ("half_hour", r"\d{1,2}"),
    "p": ("half", "[AaPp][Mm]"),
    "M": ("minute", r"\d{1,2}"),
    "S": ("second", r"\d{1,2}"),
    "f": ("fraction", r"\d{1,9}"),
    "g": ("fraction", r"\d{1,3}"),
    "n": ("fraction", r"\d{1,9}"),
    "z": ("offset", _OFFSET),
    "a": (None, "[A-Za-z]{3}"),
    "A": (None, "[A-Za-z]+"),
    "%": (None, "%"),
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIRST = {"year": 1970, "month": 1, "day": 1}
_MARK = "\x1f"
_NANOSECONDS = PER_SECOND["ns"]

Parts = Mapping[str, tf.Tensor]


def whole_numbers(texts: tf.Tensor, written: str, units: Sequence[Unit]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the moments that texts without blanks around them name, and which texts do.

    Args:
        texts: string[batch, columns].
        written: the form of the texts: `ISO 8601`, or a strptime format.
        units: the unit of each column.

    Returns:
        int64[batch, columns], the units since 1970-01-01 UTC rounded down, anything where the text is no moment; and
        bool[batch, columns]. A moment without an offset is UTC. Texts in a format with other directives than those of
        `_DIRECTIVES` are no moments.
    """
    compiled = (_ISO, _ISO_PARTS) if written == ISO_8601 else _compiled(written)
    if compiled is None:
        return tf.zeros_like(texts, tf.int64), tf.zeros_like(texts, tf.bool)
    pattern, names = compiled
    return _read(texts, pattern, names, units)


def _compiled(written: str) -> tuple[str, Sequence[str]] | None:
    """Returns a format of strptime as a pattern, and the part in each of its groups; None for other directives."""
    pattern = ""
    parts: list[str] = []
    for literal, directive in re.findall(r"([^%]+)|%-?(.)", written.strip()):
        if literal:
            pattern += r"\s+".join(map(re.escape, re.split(r"\s+", literal)))
            continue
        if directive not in _DIRECTIVES:
            return None
        part, texts = _DIRECTIVES[directive]
        if directive == "z":
            pattern, parts = pattern + texts, [*parts, *_OFFSET_PARTS]
            continue
        pattern += f"({texts})" if part else texts
        parts += [part] if part else []
    return pattern, parts


def _read(texts: tf.Tensor, pattern: str, names: Sequence[str], units: Sequence[Unit]) -> tuple[tf.Tensor, tf.Tensor]:
    matches = tf.strings.regex_full_match(texts, pattern)
    # "0" before a part leaves its number as it is, and is the number of a part that is not there.
    before = {"fraction": "0.", "month_name": "", "half": "", "offset_hour": ""}
    groups = [rf"{before.get(name, '0')}\{place}" for place, name in enumerate(names, 1)]
    marked = tf.strings.regex_replace(texts, f"^(?:{pattern})$", _MARK.join(groups))
    blank = _MARK.join(["0"] * len(names))
    split = tf.strings.split(tf.reshape(tf.where(matches, marked, blank), [-1]), _MARK)
    columns = tf.reshape(split.flat_values, [*tf.unstack(tf.shape(texts)), len(names)])
    parts = _numbers(columns, names)
    seconds = _days(parts) * 86_400 + parts["hour"] * 3_600 + parts["minute"] * 60 + parts["second"]
    seconds -= parts["offset"]
    per_second = tf.constant([PER_SECOND[unit] for unit in units], tf.int64)
    fits = tf.abs(seconds) < tf.int64.max // per_second - 1
    return seconds * per_second + parts["fraction"] * per_second // _NANOSECONDS, matches & _valid(parts) & fits


def _numbers(columns: tf.Tensor, names: Sequence[str]) -> dict[str, tf.Tensor]:
    """Returns the parts of moments as int64: the year in full, the hour of 24, the fraction in nanoseconds.

    Args:
        columns: the texts of the parts, string[batch, columns, parts].
        names: the parts.
    """
    texts = dict(zip(names, tf.unstack(columns, axis=2), strict=True))
    zone = texts.get("offset_hour")
    if zone is not None:
        texts["offset_hour"] = tf.where(zone == "", "0", zone)
    whole = [name for name in names if name not in ("fraction", "month_name", "half")]
    numbers = tf.strings.to_number(tf.stack([texts[name] for name in whole], axis=2), tf.int64)
    parts = dict(zip(whole, tf.unstack(numbers, axis=2), strict=True))
    zero = tf.zeros_like(parts[whole[0]])
    if "fraction" in texts:
        fraction = tf.strings.to_number(tf.strings.join([texts["fraction"], "0"]), tf.float64)
        parts["fraction"] = tf.cast(tf.round(fraction * _NANOSECONDS), tf.int64)
    if "month_name" in texts:
        short = tf.strings.substr(tf.strings.lower(tf.strings.join([texts["month_name"], "   "])), 0, 3)
        same = tf.cast(short[..., None] == tf.constant(_MONTHS), tf.int64)
        parts["month"] = tf.reduce_sum(same * tf.range(1, 13, dtype=tf.int64), -1)
    if "short_year" in parts:  # 69 is 1969
        parts["year"] = parts["short_year"] + tf.where(parts["short_year"] < 69, tf.constant(2000, tf.int64), 1900)
    if "half_hour" in parts:
        later = tf.strings.regex_full_match(texts["half"], "[Pp].*") if "half" in texts else zero > 0
        parts["hour"] = parts["half_hour"] % 12 + tf.where(later, tf.constant(12, tf.int64), 0)
    if zone is not None:
        minutes = parts["offset_minute"] * 60
        west = tf.strings.substr(zone, 0, 1) == "-"
        parts["offset"] = parts["offset_hour"] * 3_600 + tf.where(west, -minutes, minutes)
    others = ("hour", "minute", "second", "fraction", "offset")
    return {**dict.fromkeys(others, zero), **{name: zero + first for name, first in _FIRST.items()}, **parts}


def _days(parts: Parts) -> tf.Tensor:
    """Returns the days since 1970-01-01, in a calendar whose year starts in March."""
    year = parts["year"] - tf.cast(parts["month"] <= 2, tf.int64)
    day_of_year = (153 * tf.math.floormod(parts["month"] + 9, 12) + 2) // 5 + parts["day"] - 1
    era, year_of_era = year // 400, tf.math.floormod(year, 400)
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def _valid(parts: Parts) -> tf.Tensor:
    year, month = parts["year"], parts["month"]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = tf.gather(tf.constant(_DAYS, tf.int64), tf.clip_by_value(month - 1, 0, 11))
    last += tf.cast(leap & (month == 2), tf.int64)
    date = (year >= 1000) & (month >= 1) & (month <= 12) & (parts["day"] >= 1) & (parts["day"] <= last)
    minutes = parts["hour"] * 60 + parts["minute"]  # 24:00 is the next midnight
    time = (minutes + tf.cast(parts["second"] + parts["fraction"] > 0, tf.int64)) <= 24 * 60
    return date & time & (parts["minute"] < 60) & (parts["second"] < 60)

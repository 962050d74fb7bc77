"""Reads texts as moments: TensorFlow operations that follow the rule of docs/values.md.

The calendar is counted as Howard Hinnant describes it in "chrono-Compatible Low-Level Date Algorithms".
"""

import re
from collections.abc import Mapping, Sequence

import tensorflow as tf

from core.spec import ISO_8601, PER_SECOND, Unit

_OFFSET = r"[+-]\d{2}(?::?\d{2})?"
_ISO = (
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:T| +)(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,9}))?)?"
    rf" ?(?:Z|z|UTC|({_OFFSET}))?)?"
)
_ISO_PARTS = ("year", "month", "day", "hour", "minute", "second", "fraction", "offset")
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
    """Returns the moments that texts name, and which texts do.

    Args:
        texts: string[batch, columns].
        written: `ISO 8601`, or the strptime format in which the texts may be too.
        units: the unit of each column.

    Returns:
        int64[batch, columns], the units since 1970-01-01 UTC rounded down, anything where the text is no moment; and
        bool[batch, columns]. A moment without an offset is UTC.
    """
    texts = tf.strings.strip(texts)
    moments, found = _read(texts, _ISO, _ISO_PARTS, units)
    if written == ISO_8601 or not (compiled := _compiled(written)):
        return moments, found
    own, is_own = _read(texts, *compiled, units)
    return tf.where(is_own, own, moments), is_own | found


def _compiled(written: str) -> tuple[str, list[str]] | None:
    """Returns a format of strptime as a pattern, and the part in each of its groups; None for other directives."""
    pattern, parts = "", []
    for literal, directive in re.findall(r"([^%]+)|%-?(.)", written.strip()):
        if literal:
            pattern += r"\s+".join(map(re.escape, re.split(r"\s+", literal)))
            continue
        if directive not in _DIRECTIVES:
            return None
        part, texts = _DIRECTIVES[directive]
        pattern += f"({texts})" if part else texts
        parts += [part] if part else []
    return pattern, parts


def _read(texts: tf.Tensor, pattern: str, names: Sequence[str], units: Sequence[Unit]) -> tuple[tf.Tensor, tf.Tensor]:
    matches = tf.strings.regex_full_match(texts, pattern)
    groups = _MARK.join(rf"\{number}" for number in range(1, len(names) + 1))
    marked = tf.strings.regex_replace(texts, f"^(?:{pattern})$", groups)
    split = tf.strings.split(tf.reshape(tf.where(matches, marked, _MARK * (len(names) - 1)), [-1]), _MARK)
    columns = tf.unstack(tf.reshape(split.flat_values, [-1, len(names)]), axis=1)
    parts = _numbers({name: tf.reshape(column, tf.shape(texts)) for name, column in zip(names, columns, strict=True)})
    seconds = _days(parts) * 86_400 + parts["hour"] * 3_600 + parts["minute"] * 60 + parts["second"] - parts["offset"]
    per_second = tf.constant([PER_SECOND[unit] for unit in units], tf.int64)
    fits = tf.abs(seconds) < tf.int64.max // per_second - 1
    return seconds * per_second + parts["fraction"] * per_second // _NANOSECONDS, matches & _valid(parts) & fits


def _numbers(texts: Parts) -> dict[str, tf.Tensor]:
    """Returns the parts as int64: the year in full, the hour of 24, fraction in nanoseconds, offset in seconds."""
    zero = tf.zeros_like(next(iter(texts.values())), tf.int64)
    parts = dict.fromkeys(("hour", "minute", "second", "fraction", "offset"), zero)
    parts |= {name: zero + first for name, first in _FIRST.items()}
    for name, text in texts.items():
        match name:
            case "fraction":
                parts[name] = _number(tf.strings.substr(tf.strings.join([text, "0" * 9]), 0, 9))
            case "offset":
                digits = tf.strings.join([tf.strings.regex_replace(text, "[^0-9]", ""), "0000"])
                hours, minutes = (_number(tf.strings.substr(digits, start, 2)) for start in (0, 2))
                sign = tf.where(tf.strings.regex_full_match(text, "-.*"), tf.constant(-1, tf.int64), 1)
                parts[name] = sign * (hours * 3_600 + minutes * 60)
            case "month_name":
                short = tf.strings.substr(tf.strings.lower(tf.strings.join([text, "   "])), 0, 3)
                same = tf.cast(short[..., None] == tf.constant(_MONTHS), tf.int64)
                parts["month"] = tf.reduce_sum(same * tf.range(1, 13, dtype=tf.int64), -1)
            case "short_year":  # 69 is 1969
                year = _number(text)
                parts["year"] = year + tf.where(year < 69, tf.constant(2000, tf.int64), 1900)
            case "half_hour":
                later = (
                    tf.strings.regex_full_match(texts["half"], "[Pp].*") if "half" in texts else tf.zeros_like(zero > 0)
                )
                parts["hour"] = _number(text) % 12 + tf.where(later, tf.constant(12, tf.int64), 0)
            case "half":
                pass
            case _:
                parts[name] = _number(text, _FIRST.get(name, 0))
    return parts


def _number(text: tf.Tensor, default: int = 0) -> tf.Tensor:
    return tf.strings.to_number(tf.where(text == "", str(default), text), tf.int64)


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

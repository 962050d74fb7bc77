"""Tells which extremes of a column may stand for missing values, such as -999 or the largest number of a type."""

Number = int | float

_HUGE = 1e15
_LIMITS = {2**bits - offset for bits in (15, 16, 31, 32) for offset in (0, 1)}  # of integers of 16 and 32 bits


def may_be_sentinel(value: Number) -> bool:
    """Returns whether a number is written as programs write a missing value: 99, -9999, 1e30, -32768."""
    size = abs(value)
    if size >= _HUGE or size in _LIMITS:
        return True
    return size >= 99 and size == int(size) and set(str(int(size))) == {"9"}


def sentinels(low: Number, high: Number, next_low: Number, next_high: Number) -> list[Number]:
    """Returns the extremes that may stand for missing values: farther from all others than these from one another.

    Args:
        low: the least value.
        high: the greatest value.
        next_low: the least value above `low`.
        next_high: the greatest value below `high`.
    """
    suspects = {value for value in (low, high) if may_be_sentinel(value)}
    least, greatest = next_low if low in suspects else low, next_high if high in suspects else high
    gaps = {low: least - low, high: high - greatest}
    return sorted(value for value in suspects if gaps[value] > greatest - least > 0)

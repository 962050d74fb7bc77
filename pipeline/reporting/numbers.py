"""Formats numbers for readers of a report."""

import math

from core.text import between


def number(value: float | None) -> str:
    """Returns a number with about four digits: 0.9573, 12.35, 51,234; nothing for None and NaN."""
    if value is None or not math.isfinite(value):
        return ""
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1 else f"{value:.4f}" if abs(value) >= 0.001 else f"{value:.2g}"


def tick(value: float) -> str:
    """Returns a number at an axis, as short as it can be: 0.6, 12, 51,234, 2e+09."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def interval(value: float | None, half_width: float | None, low: float = -math.inf, high: float = math.inf) -> str:
    """Returns a value with its interval: `0.957 [0.945, 0.969]`, the ends not beyond `low` and `high`."""
    if value is None or half_width is None or not math.isfinite(half_width):
        return number(value)
    return between(value, max(low, value - half_width), min(high, value + half_width))


def share(value: float | None) -> str:
    """Returns a share as per cent."""
    return "" if value is None else f"{value:.1%}"


def size(num_bytes: float) -> str:
    """Returns a size: `1.2 MB`."""
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.3g} GB"


def cut(text: object, most: int = 60) -> str:
    """Returns a text of at most `most` characters."""
    shown = str(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"

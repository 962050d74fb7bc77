"""Decides which columns float32 cannot hold: its seven digits are too few for 1,390,000,012.5 among similar values."""

import numpy as np

# The largest rounding error, as a share of the distance between the two percentiles.
_ROUNDING = 0.001


def needs_float64(low: float, high: float) -> bool:
    """Returns whether float32 rounds values by more than a thousandth of their spread.

    Args:
        low: their 10th percentile; the least value may be an outlier.
        high: their 90th percentile.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rounding = float(np.spacing(np.float32(max(abs(low), abs(high))))) / 2
    return bool(0 < (high - low) * _ROUNDING < rounding)

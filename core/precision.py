"""Decides which columns float32 cannot hold: its seven digits are too few for 1,390,000,012.5 among its neighbours."""

import numpy as np

# The largest rounding error, as a share of the distance between the 10th and the 90th percentile.
_ROUNDING = 0.001


def needs_float64(values: np.ndarray) -> bool:
    """Returns whether float32 rounds values by more than a thousandth of their spread.

    Args:
        values: finite numbers, of which few may be outliers: a sample, or quantiles.
    """
    if not len(values):
        return False
    low, high = np.percentile(values, [10, 90])
    with np.errstate(over="ignore", invalid="ignore"):
        rounding = np.spacing(np.float32(max(abs(low), abs(high)))) / 2
    return bool(0 < (high - low) * _ROUNDING < rounding)

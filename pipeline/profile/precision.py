"""Finds the numeric columns that Examples must hold as float64."""

from typing import Any

import numpy as np

from core.precision import needs_float64


def float64_columns(sample: Any) -> frozenset[str]:
    """Returns the columns whose values float32 would round too much.

    Args:
        sample: a pyarrow.Table of some rows; None without any.
    """
    if sample is None:
        return frozenset()
    numbers = {
        name: sample[name].drop_null().to_numpy()
        for name in sample.column_names
        if np.dtype(sample.schema.field(name).type.to_pandas_dtype()).kind in "iuf"
    }
    return frozenset(name for name, values in numbers.items() if needs_float64(values.astype(np.float64)))

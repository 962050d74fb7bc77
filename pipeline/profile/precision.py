"""Finds the numeric columns that Examples must hold as float64."""

from typing import Any

import numpy as np
import pyarrow as pa

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
        if pa.types.is_integer(sample.schema.field(name).type) or pa.types.is_floating(sample.schema.field(name).type)
    }
    return frozenset(name for name, values in numbers.items() if needs_float64(values.astype(np.float64)))

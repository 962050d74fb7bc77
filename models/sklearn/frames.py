"""Reads the features of data frames and arrays: their kinds, their columns and their constants."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.errors import UserError
from core.spec import Feature, Kind
from core.text import unknown
from models.preprocessing import feature_stats
from models.preprocessing.feature_stats import FeatureStats

_KINDS = ("numeric", "categorical", "text", "timestamp")
_QUANTILES = 1_000


def as_frame(data: pd.DataFrame | np.ndarray) -> pd.DataFrame:
    """Returns rows as a data frame whose names are texts; those of an array are x0, x1, ...

    Raises:
        TypeError: an array has values that are no numbers.
        ValueError: an array has texts that are no numbers.
    """
    if isinstance(data, pd.DataFrame):
        return data.set_axis([str(name) for name in data.columns], axis=1)
    return pd.DataFrame(np.asarray(data, np.float64), columns=[f"x{index}" for index in range(data.shape[1])])


def features(frame: pd.DataFrame, kinds: Mapping[str, Kind]) -> tuple[Feature, ...]:
    """Returns the features: numbers and truth values are numeric, datetimes timestamps, all others categorical.

    Args:
        frame: the rows.
        kinds: the kinds of single columns, in place of those of their types.

    Raises:
        UserError: `kinds` names a column that is not there, or a kind that is none.
    """
    for name, kind in kinds.items():
        if name not in frame.columns:
            raise UserError(unknown("column", name, list(frame.columns)))
        if kind not in _KINDS:
            raise UserError(unknown("kind of column", kind, _KINDS))
    return tuple(_feature(name, kinds.get(name) or _kind(frame[name])) for name in frame.columns)


def _kind(column: pd.Series) -> Kind:
    if pd.api.types.is_datetime64_any_dtype(column):
        return "timestamp"
    return "numeric" if pd.api.types.is_numeric_dtype(column) else "categorical"


def _feature(name: str, kind: Kind) -> Feature:
    if kind == "timestamp":
        return Feature(name, kind, "int", unit="us")
    return Feature(name, kind, "double" if kind == "numeric" else "text")


def columns(frame: pd.DataFrame, wanted: Sequence[Feature]) -> dict[str, np.ndarray]:
    """Returns the columns as the `predict` signature takes them.

    Returns:
        Numbers as float64[rows] with NaN for missing, texts as object[rows] of bytes with b"" for missing.
    """
    return {feature.name: _column(frame[feature.name], feature) for feature in wanted}


def _column(column: pd.Series, feature: Feature) -> np.ndarray:
    if feature.kind == "timestamp":
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy("datetime64[us]")
        return np.where(np.isnat(moments), np.nan, moments.astype(np.int64).astype(np.float64))
    if feature.kind == "numeric":
        return np.asarray(pd.to_numeric(column).to_numpy(np.float64, na_value=np.nan))
    known = column.notna().to_numpy()
    found = np.full(len(column), b"", object)
    found[known] = [str(value).encode() for value in column.to_numpy(object)[known]]
    return found


def constants(values: np.ndarray, feature: Feature) -> FeatureStats:
    """Returns the constants of preprocessing of one column of train, as StatisticsGen counts them.

    Args:
        values: the column as `columns` gives it.
        feature: its declaration.
    """
    if feature.payload == "text":
        present = values[values != b""]
        missing = 1 - len(present) / max(1, len(values))
        if feature.kind == "text":
            return FeatureStats(missing=missing)
        names, counts = np.unique(present, return_counts=True)
        ordered = names[np.argsort(-counts, kind="stable")][: feature.vocabulary]
        return FeatureStats(vocabulary=tuple(name.decode() for name in ordered), missing=missing)
    finite = values[np.isfinite(values)]
    missing = 1 - len(finite) / max(1, len(values))
    if not len(finite):
        return feature_stats.constants(feature, np.array([]), 0.0, 0.0, missing)
    edges = np.quantile(finite, np.linspace(0, 1, min(len(finite), _QUANTILES) + 1))
    return feature_stats.constants(feature, edges, float(finite.mean()), float(finite.std()), missing)


def batch(values: Mapping[str, np.ndarray], wanted: Sequence[Feature]) -> Any:
    """Returns columns as rows of Examples: a `pyarrow.RecordBatch` of lists, null where a value is missing."""
    import pyarrow as pa

    from core import examples

    schema = examples.arrow_schema({feature.name: feature.payload for feature in wanted})
    arrays = []
    for feature in wanted:
        column = values[feature.name]
        present = column != b"" if feature.payload == "text" else ~np.isnan(column)
        kept = column[present].astype(np.int64) if feature.payload == "int" else column[present]
        ends = np.concatenate([[0], np.cumsum(present)])
        inner = pa.array(kept, schema.field(feature.name).type.value_type)
        lists = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), inner, mask=pa.array(~present))
        arrays.append(lists)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

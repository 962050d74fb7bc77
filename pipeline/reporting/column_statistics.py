"""Reads the statistics and the schema of a run: one profile for each column, with its distribution in every split."""

import dataclasses
import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

_BINS = 12
_VALUES = 8


@dataclasses.dataclass(frozen=True)
class ColumnStatistics:
    """The statistics of a column in one split.

    Attributes:
        missing: the share of rows without a value.
        facts: mean, least, greatest and so on, by name.
        bars: the shares of the rows by value, or none for a number.
        histogram: the ends and the count of each bucket of a number.
    """

    missing: float
    facts: Mapping[str, float]
    bars: Mapping[str, float]
    histogram: Sequence[tuple[float, float, float]]


def load(folder: pathlib.Path, split: str) -> dict[str, ColumnStatistics]:
    """Returns the statistics of all columns over a whole split; none where there are none."""
    path = folder / f"Split-{split}" / "FeatureStats.pb"
    if not path.exists():
        return {}
    whole = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets[0]
    return {
        ".".join(feature.path.step) or feature.name: _column(feature, whole.num_examples) for feature in whole.features
    }


def _column(feature: Any, rows: float) -> ColumnStatistics:
    kind = feature.WhichOneof("stats")
    if kind not in ("num_stats", "string_stats"):
        return ColumnStatistics(0.0, {}, {}, ())
    found = getattr(feature, kind)
    total = rows or 1.0
    missing = found.common_stats.num_missing / total
    if kind == "string_stats":
        ranked = list(found.rank_histogram.buckets)[:_VALUES]
        bars = {bucket.label or "(empty)": bucket.sample_count / total for bucket in ranked}
        return ColumnStatistics(missing, {"distinct": found.unique}, bars, ())
    standard = [histogram for histogram in found.histograms if histogram.type == statistics_pb2.Histogram.STANDARD]
    quantiles = [histogram for histogram in found.histograms if histogram.type == statistics_pb2.Histogram.QUANTILES]
    buckets = [(b.low_value, b.high_value, b.sample_count) for h in (quantiles or standard)[:1] for b in h.buckets]
    facts = {"mean": found.mean, "std": found.std_dev, "min": found.min, "median": found.median, "max": found.max}
    return ColumnStatistics(missing, facts, {}, buckets)


def shares(columns: Mapping[str, ColumnStatistics]) -> tuple[list[str], dict[str, list[float]]]:
    """Returns the names of values or bins that all splits share, and the share of each in each split.

    Args:
        columns: the statistics of one column by split.
    """
    values = list(dict.fromkeys(value for column in columns.values() for value in column.bars))[:_VALUES]
    if values:
        return values, {split: [column.bars.get(value, 0.0) for value in values] for split, column in columns.items()}
    edges = _edges([column.histogram for column in columns.values() if column.histogram])
    names = [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)]
    return names, {split: _in_bins(column.histogram, edges) for split, column in columns.items()}


def _edges(histograms: Sequence[Sequence[tuple[float, float, float]]]) -> list[float]:
    """Returns the bounds of bins of equal width, from the second to the last but one bucket of the quantiles."""
    if not histograms:
        return []
    inner = [histogram[1:-1] if len(histogram) > 4 else histogram for histogram in histograms]
    low, high = min(edges[0][0] for edges in inner), max(edges[-1][1] for edges in inner)
    if not low < high:
        low, high = low - 0.5, low + 0.5
    return [low + (high - low) * index / _BINS for index in range(_BINS + 1)]


def _in_bins(histogram: Sequence[tuple[float, float, float]], edges: Sequence[float]) -> list[float]:
    """Returns the share of the rows in each bin, the rows of a bucket spread evenly; the outer bins have the rest."""
    total = sum(count for *_, count in histogram) or 1.0

    def below(edge: float) -> float:
        return sum(
            count * (1.0 if high <= edge else max(0.0, edge - low) / (high - low) if high > low else 0.0)
            for low, high, count in histogram
        )

    inner = [below(edge) for edge in edges[1:-1]]
    bounds = [0.0, *inner, total] if edges else []
    return [(high - low) / total for low, high in itertools.pairwise(bounds)]


def schema(folder: pathlib.Path) -> dict[str, str]:
    """Returns what the schema expects of each column, as a text."""
    parsed = text_format.Parse((folder / "schema.pbtxt").read_text(encoding="utf-8"), schema_pb2.Schema())
    domains = {domain.name: len(domain.value) for domain in parsed.string_domain}
    found = {}
    for feature in parsed.feature:
        parts = [schema_pb2.FeatureType.Name(feature.type).lower()]
        if feature.presence.min_fraction:
            parts.append(f"in at least {feature.presence.min_fraction:.0%} of the rows")
        if feature.domain in domains:
            parts.append(f"one of {domains[feature.domain]:,} values")
        for domain in (feature.int_domain, feature.float_domain):
            if domain.HasField("min") or domain.HasField("max"):
                parts.append(f"from {domain.min:g} to {domain.max:g}")
        found[feature.name] = ", ".join(parts)
    return found


@dataclasses.dataclass(frozen=True)
class Distance:
    """The distance of a column in a split to train or to the earlier data."""

    column: str
    split: str
    to: str
    value: float
    limit: float


def distances(folder: pathlib.Path) -> list[Distance]:
    """Returns the measured distances of all splits, the largest first."""
    found = []
    for path in sorted(folder.glob("Split-*/SchemaDiff.pb")):
        anomalies = anomalies_pb2.Anomalies.FromString(path.read_bytes())
        split = path.parent.name.removeprefix("Split-")
        for info in anomalies.drift_skew_info:
            for other, measured in (("train", info.skew_measurements), ("earlier data", info.drift_measurements)):
                found += [
                    Distance(".".join(info.path.step), split, other, distance.value, distance.threshold)
                    for distance in measured
                ]
    return sorted(found, key=lambda distance: -distance.value)

"""Reads what a pushed model was trained on: the distribution of each feature, and rows of test with their label."""

import dataclasses
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tensorflow_metadata.proto.v0 import statistics_pb2

from core.errors import UserError
from core.spec import Feature
from models.preprocessing import feature_stats
from models.serving import model_versions
from pipeline.prediction import batch_prediction
from pipeline.prediction.prediction_table import Training
from pipeline.prediction.train_stats import TrainStats

HASHED_CELLS = 16  # rare categories are counted together, in cells that do not depend on how often they occur
_FREQUENT = 0.005  # the least share of a category with a cell of its own


@dataclasses.dataclass(frozen=True)
class Numbers:
    """The distribution of a numeric feature in train.

    Attributes:
        edges: float64[edges], growing quantiles; equal ones where a value is frequent.
        ranks: float64[edges], the share of the values up to each edge.
        count: the number of finite values.
        std: their standard deviation.
    """

    edges: np.ndarray
    ranks: np.ndarray
    count: float
    std: float


@dataclasses.dataclass(frozen=True)
class Categories:
    """The distribution of a categorical feature in train, in cells: frequent categories, then all others by hash.

    The frequent categories are chosen by eval: chosen by train, their counts in train would be too large.

    Attributes:
        frequent: the categories with a cell of their own, as text.
        counts: float64[cells], the number of values of train.
    """

    frequent: tuple[str, ...]
    counts: np.ndarray


@dataclasses.dataclass(frozen=True)
class Column:
    """A feature in train: its values, its number of rows, and its distribution; None for texts and moments."""

    train: TrainStats
    rows: int
    distribution: Numbers | Categories | None

    @property
    def feature(self) -> Feature:
        """The feature."""
        return self.train.feature


@dataclasses.dataclass(frozen=True)
class Reference:
    """What a pushed model was trained on.

    Attributes:
        version: the folder of the model.
        training: how the training read its table.
        columns: the features in train.
        rows: rows of test with their label, as Examples hold them; None where none were pushed.
    """

    version: Path
    training: Training
    columns: tuple[Column, ...]
    rows: pa.RecordBatch | None


def read(version: Path) -> Reference:
    """Reads a version.

    Raises:
        UserError: it was pushed without statistics, or not by this pipeline.
    """
    training = batch_prediction.read_training(version)
    if not training.stats:
        raise UserError(
            f"{version} has no {model_versions.STATISTICS_FOLDER}, with which requests are compared. "
            "Run the pipeline again to push the model anew."
        )
    train, by_train = _statistics(version, "train")
    by_eval = _statistics(version, "eval")[1] or by_train
    columns = tuple(
        Column(stats, int(train.num_examples), _distribution(stats, by_train, by_eval)) for stats in training.stats
    )
    return Reference(version, training, columns, _rows(version))


def cell_of(text: bytes) -> int:
    """Returns the cell of a rare category, counted from the end of the frequent ones."""
    return zlib.crc32(text) % HASHED_CELLS


def _rows(version: Path) -> pa.RecordBatch | None:
    path = version / model_versions.REFERENCE_FILE
    if not path.exists():
        return None
    batches = pq.read_table(path).combine_chunks().to_batches()
    return batches[0] if batches else None


_ByName = Mapping[str, statistics_pb2.FeatureNameStatistics]


def _statistics(version: Path, split: str) -> tuple[statistics_pb2.DatasetFeatureStatistics, _ByName]:
    path = version / model_versions.STATISTICS_FOLDER / f"Split-{split}" / "FeatureStats.pb"
    if not path.exists():
        return statistics_pb2.DatasetFeatureStatistics(), {}
    found = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()).datasets[0]
    return found, {column.path.step[0]: column for column in found.features}


def _distribution(stats: TrainStats, by_train: _ByName, by_eval: _ByName) -> Numbers | Categories | None:
    name = stats.feature.name
    if stats.feature.kind == "numeric":
        return _numbers(by_train[name])
    if stats.feature.kind == "categorical":
        chosen = by_eval.get(name, by_train[name])
        return _categories(by_train[name].string_stats, chosen.string_stats)
    return None


def _numbers(statistics: statistics_pb2.FeatureNameStatistics) -> Numbers | None:
    own = {statistic.name: statistic for statistic in statistics.custom_stats}
    if feature_stats.QUANTILES not in own:
        return None
    buckets = own[feature_stats.QUANTILES].histogram.buckets
    edges = np.array([buckets[0].low_value, *(bucket.high_value for bucket in buckets)])
    counts = np.array([0.0, *(bucket.sample_count for bucket in buckets)])
    ranks = np.cumsum(counts) / counts.sum()
    return Numbers(edges, ranks, own[feature_stats.COUNT].num, own[feature_stats.STD].num)


def _categories(train: statistics_pb2.StringStatistics, chosen: statistics_pb2.StringStatistics) -> Categories:
    total = chosen.common_stats.tot_num_values
    buckets = [bucket for bucket in chosen.rank_histogram.buckets if bucket.label]
    frequent = tuple(bucket.label for bucket in buckets if bucket.sample_count >= _FREQUENT * total)
    counts = np.zeros(len(frequent) + HASHED_CELLS)
    places = {label: place for place, label in enumerate(frequent)}
    listed = 0.0
    for bucket in train.rank_histogram.buckets:
        if bucket.label:
            place = places.get(bucket.label, len(frequent) + cell_of(bucket.label.encode()))
            counts[place] += bucket.sample_count
            listed += bucket.sample_count
    # The histogram lists the most frequent values only: others have no hash.
    counts[-1] += max(0.0, train.common_stats.tot_num_values - listed)
    rare = counts[len(frequent) :]
    together = listed < train.common_stats.tot_num_values or rare.min(initial=0.0) < 5
    return Categories(frequent, np.append(counts[: len(frequent)], rare.sum()) if together else counts)

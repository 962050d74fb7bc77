"""Gives the columns of the files to predict the types that they had in training, and moments their unit and range."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from tensorflow_metadata.proto.v0 import statistics_pb2

import ingest
from core.spec import Feature, Spec
from ingest.sql.moments import PER_SECOND
from ingest.sql.values import element_type, type_class
from models.preprocessing import feature_stats
from models.serving import model_versions

_YEARS = 10  # a moment that is so far out of training's range, and by its width, is in another unit
_SECONDS_PER_YEAR = 31_556_952

Bounds = Mapping[str, tuple[int, int]]


def statistics_file(version: Path) -> Path:
    """Returns where a pushed model has the statistics of train."""
    return version / model_versions.STATISTICS_FOLDER / "Split-train" / "FeatureStats.pb"


def moment_bounds(version: Path, spec: Spec) -> dict[str, tuple[int, int]]:
    """Returns the least and the greatest whole number that each feature of moments can be, by train's statistics."""
    file, bounds = statistics_file(version), {}
    content = file.read_bytes() if file.exists() else b""
    for train in statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets:
        found = {column.path.step[0]: column.num_stats for column in train.features}
        for feature in spec.features:
            if feature.kind == "timestamp":
                low, high = int(found[feature.name].min), int(found[feature.name].max)
                margin = high - low + _YEARS * _SECONDS_PER_YEAR * PER_SECOND[feature.unit]
                bounds[feature.name] = (low - margin, high + margin)
    return bounds


def vocabularies(version: Path, spec: Spec) -> dict[str, tuple[str, ...]]:
    """Returns the categories of each categorical feature of texts, by train's statistics."""
    file = statistics_file(version)
    found = feature_stats.load(str(file), spec) if file.exists() else {}
    texts = [feature.name for feature in spec.features if (feature.kind, feature.payload) == ("categorical", "text")]
    return {name: found[name].vocabulary for name in texts if name in found}


class TrainedColumns:
    """The columns of the training's table that are needed: all for its query, else those of the features.

    Names that differ by upper and lower case only are the same name.
    """

    def __init__(self, source: ingest.Source, spec: Spec, query: str | None, bounds: Bounds) -> None:
        """Takes how the training read its table, and the bounds of its moments."""
        features = {feature.name.casefold(): feature for feature in spec.features}
        needed = [column for column in source.columns if query is not None or column.name.casefold() in features]
        self._columns = {
            column.name.casefold(): _of_feature(column, features.get(column.name.casefold()), bounds)
            for column in needed
        }
        self._others = [column.name for column in source.columns if column not in needed]

    @property
    def types(self) -> dict[str, str]:
        """The types for files of texts, by name; columns that are not needed are texts, which fit every value."""
        needed = {column.name: _type_in_texts(column.type) for column in self._columns.values()}
        return {**needed, **dict.fromkeys(self._others, "VARCHAR")}

    def of(self, source: ingest.Source) -> tuple[ingest.Column, ...]:
        """Returns the columns of files as the training had them; others are texts where the files hold texts."""
        holds_texts = ingest.READERS[source.format].holds_texts
        return tuple(self._of(column, holds_texts) for column in source.columns)

    def _of(self, column: ingest.Column, holds_texts: bool) -> ingest.Column:
        trained = self._columns.get(column.name.casefold())
        if trained is None:
            return ingest.Column(column.name, "VARCHAR") if holds_texts else column
        if holds_texts:
            return dataclasses.replace(trained, name=column.name, type=_type_in_texts(trained.type))
        return dataclasses.replace(trained, name=column.name, held=column.type_in_files)


def _of_feature(column: ingest.Column, feature: Feature | None, bounds: Bounds) -> ingest.Column:
    if feature is None or feature.kind != "timestamp":
        return column
    return dataclasses.replace(column, unit=feature.unit, bounds=bounds.get(feature.name))


def _type_in_texts(column_type: str) -> str:
    """Returns the type as which files of texts can hold a column."""
    return "VARCHAR" if type_class(element_type(column_type)[0]) in ("other", "binary") else column_type

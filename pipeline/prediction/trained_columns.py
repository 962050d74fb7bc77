"""Gives the columns of the files to predict the types that they had in training, and moments their unit and range."""

import dataclasses
from collections.abc import Mapping

import ingest
from core.spec import Feature, Spec
from ingest.sql.values import element_type, type_class

Bounds = Mapping[str, tuple[int, int]]


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
        self._others = [column.name_in_files for column in source.columns if column not in needed]
        self._names = {column.name_in_files: column.name for column in source.columns}

    @property
    def types(self) -> dict[str, str]:
        """The types for files of texts, by name in the files; columns that are not needed are texts."""
        needed = {column.name_in_files: _type_in_texts(column.type) for column in self._columns.values()}
        return {**needed, **dict.fromkeys(self._others, "VARCHAR")}

    def of(self, source: ingest.Source) -> tuple[ingest.Column, ...]:
        """Returns the columns of files as the training had them; others are texts where the files hold texts."""
        holds_texts = ingest.READERS[source.format].holds_texts
        names = ingest.table_names([column.name_in_files for column in source.columns], self._names)
        return tuple(self._of(column, names[column.name_in_files], holds_texts) for column in source.columns)

    def _of(self, column: ingest.Column, name: str, holds_texts: bool) -> ingest.Column:
        in_files = None if name == column.name_in_files else column.name_in_files
        trained = self._columns.get(name.casefold())
        if trained is None:
            found = ingest.Column(name, "VARCHAR") if holds_texts else dataclasses.replace(column, name=name)
        elif holds_texts:
            found = dataclasses.replace(trained, name=name, type=_type_in_texts(trained.type))
        else:
            found = dataclasses.replace(trained, name=name, held=column.type_in_files)
        return dataclasses.replace(found, in_files=in_files)


def _of_feature(column: ingest.Column, feature: Feature | None, bounds: Bounds) -> ingest.Column:
    if feature is None or feature.kind != "timestamp":
        return column
    return dataclasses.replace(column, unit=feature.unit, bounds=bounds.get(feature.name))


def _type_in_texts(column_type: str) -> str:
    """Returns the type as which files of texts can hold a column."""
    return "VARCHAR" if type_class(element_type(column_type)[0]) in ("other", "binary") else column_type

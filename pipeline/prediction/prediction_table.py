"""Reads the rows to predict as the training read its table: without the label, and in any format."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa

import ingest
from core.config_sections import Csv, Data
from core.errors import UserError
from core.examples import ROW_GROUP, arrow_schema
from core.spec import Feature, Spec
from core.text import near_match
from ingest.sql import payloads, user_query
from pipeline.prediction.categories import Categories
from pipeline.prediction.trained_columns import Bounds, TrainedColumns

# Marks the name of an absent column in the error that DuckDB raises when the query reads that column.
_ABSENT = "\x1e"
_KEPT = "kept: "


@dataclasses.dataclass(frozen=True)
class Training:
    """How the training read its table.

    Attributes:
        spec: the features.
        source: files, dialect and column types.
        query: the SQL of the configuration; None without one.
        bounds: the least and the greatest whole number of each feature of moments.
        vocabularies: the categories of each categorical feature of texts.
    """

    spec: Spec
    source: ingest.Source
    query: str | None
    bounds: Bounds = dataclasses.field(default_factory=dict)
    vocabularies: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some rows: the features as Examples hold them, and the columns to keep as the table has them."""

    features: pa.RecordBatch
    kept: Mapping[str, pa.Array]


class PredictionTable(contextlib.AbstractContextManager["PredictionTable"]):
    """The rows to predict.

    Example:
        with PredictionTable(training, ["new.csv"], keep=["id"]) as table:
            for batch in table.batches():
                ...
    """

    def __init__(self, training: Training, files: Sequence[str], keep: Sequence[str] = ()) -> None:
        """Opens the files.

        Raises:
            UserError: a file cannot be read, or lacks a feature or a column to keep.
        """
        self._training, self._keep = training, tuple(keep)
        self._categories = {name: Categories(vocabulary) for name, vocabulary in training.vocabularies.items()}
        self._source = _source(training, files)
        self._connection = ingest.connect(self._source.data.memory)
        with ingest.reading(self._source):
            self._open()
            described = self._connection.execute("DESCRIBE source_table").fetchall()
        types = {row[0]: row[1] for row in described}
        names = [feature.name for feature in training.spec.features]
        self._require(names, types, "Feature", "the model takes")
        self._require(keep, types, "Column", "--keep names")
        self._select = _select(training.spec.features, types, self._keep)

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _open(self) -> None:
        """Creates the views `data`, with stand-ins for columns that only the training had, and `source_table`."""
        table = ingest.open_table(self._connection, self._source).lenient()
        self._source = table.source
        found = {column.name.casefold() for column in self._source.columns}
        absent = [column for column in self._training.source.columns if column.name.casefold() not in found]
        stand_ins = "".join(f", {_stand_in(column, self._source)}" for column in absent if self._training.query)
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW data AS SELECT *{stand_ins} FROM ({table.data()})")
        chosen = "FROM data"
        if self._training.query:
            user_query.check_is_select(self._connection, self._training.query)
            chosen = self._training.query.rstrip().rstrip(";")
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW source_table AS {chosen}")

    def _require(self, names: Sequence[str], types: Mapping[str, str], what: str, who: str) -> None:
        found = {column.casefold() for column in types}
        missing = [column for column in names if column.casefold() not in found]
        if missing:
            more = f" (and {len(missing) - 1} more: {', '.join(missing[1:6])})" if len(missing) > 1 else ""
            raise UserError(
                f"{what} {missing[0]!r}{more}, which {who}, is not in {self._source.files[0]}."
                f"{_similar(missing[0], types)} The table has the columns {', '.join(types)}."
            )

    def batches(self) -> Iterator[Batch]:
        """Yields all rows in their order, a row group at a time.

        Raises:
            UserError: a value does not fit, or the query needs a column that is not there.
        """
        schema = arrow_schema({feature.name: feature.payload for feature in self._training.spec.features})
        with ingest.reading(self._source):
            try:
                for batch in self._connection.sql(self._select).to_arrow_reader(ROW_GROUP):
                    rows = pa.Table.from_batches([batch.select(schema.names)])
                    (features,) = payloads.to_lists(rows, schema).to_batches()
                    for name, categories in self._categories.items():
                        replaced = categories.replace(features.column(name))
                        features = features.set_column(schema.get_field_index(name), schema.field(name), replaced)
                    yield Batch(features, {column: batch.column(_KEPT + column) for column in self._keep})
            except duckdb.Error as error:
                raise self._absent_column(error) or error from error

    def _absent_column(self, error: duckdb.Error) -> UserError | None:
        """Returns the error for a column that the query reads and the files do not have; None for other errors."""
        parts = str(error).split(_ABSENT)
        if len(parts) < 3:
            return None
        names = [column.name for column in self._source.columns]
        return UserError(
            f"{self._source.files[0]} has no column {parts[1]!r}, and the query of the training reads it."
            f"{_similar(parts[1], names)} The files have the columns {', '.join(names)}."
        )

    def rejects(self) -> int:
        """Returns how many rows were left out because they cannot be read, as the training was configured to do."""
        if self._source.data.on_bad_rows == "stop":
            return 0
        with ingest.reading(self._source):
            return sum(1 for _ in ingest.open_table(self._connection, self._source).rejects())


def _similar(missing: str, columns: Iterable[str]) -> str:
    near = near_match(missing, columns)
    return f" Is {near!r} meant to be {missing!r}?" if near else ""


def _source(training: Training, files: Sequence[str]) -> ingest.Source:
    """Returns the source for the files, with the column types of the training."""
    trained = training.source
    kept = ("header", "encoding", "decimal", "nulls", "date_format")
    csv = Csv(**{option: getattr(trained.dialect, option) for option in kept})
    columns = TrainedColumns(trained, training.spec, training.query, training.bounds)
    found = ingest.discover(
        Data(
            files=tuple(files),
            csv=csv if ingest.READERS[trained.format].has_dialect else Csv(),
            memory=trained.data.memory,
            on_bad_rows=trained.data.on_bad_rows,
        ),
        columns.types,
    )
    return dataclasses.replace(found, columns=columns.of(found))


def _stand_in(column: ingest.Column, source: ingest.Source) -> str:
    """Returns SQL for a column that raises an error when its values are read, and only then."""
    any_column = ingest.identifier(source.columns[0].name)
    failure = f"error({ingest.literal(_ABSENT + column.name + _ABSENT)} || ({any_column} IS NULL)::VARCHAR)"
    return f"{failure}::{column.type} AS {ingest.identifier(column.name)}"


def _select(features: Sequence[Feature], types: Mapping[str, str], keep: Sequence[str]) -> str:
    """Returns SQL for the features as Examples hold them, and the columns to keep beside them."""
    folded = {column.casefold(): duckdb_type for column, duckdb_type in types.items()}
    columns = [
        payloads.encoded(feature.name, folded[feature.name.casefold()], payloads.feature_encoding(feature))
        for feature in features
    ]
    columns += [f"{ingest.identifier(column)} AS {ingest.identifier(_KEPT + column)}" for column in keep]
    return f"SELECT {', '.join(columns)} FROM source_table"

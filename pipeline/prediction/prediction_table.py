"""Reads the rows to predict as the training read its table: without the label, and in any format."""

import contextlib
import dataclasses
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa

import ingest
from core.config.sections import Csv, Data
from core.errors import UserError
from core.examples import ROW_GROUP, arrow_schema
from core.spec import Feature, Spec
from core.text import near_match
from ingest import hive
from ingest.sql import payloads, user_query
from pipeline.prediction import data_flags
from pipeline.prediction.categories import Categories
from pipeline.prediction.train_stats import TrainStats
from pipeline.prediction.trained_columns import Bounds, TrainedColumns

# The types that a CSV file holds as they are, and those that Parquet files of Arrow lack.
_IN_CSV = r"BOOLEAN|U?(TINY|SMALL|BIG)?INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*|VARCHAR"
_NOT_IN_PARQUET = r"\b(INTERVAL|UNION|BIT|BIGNUM|TIME WITH TIME ZONE)\b"
# Marks the name of an absent column in the error that DuckDB raises when the query reads that column.
_ABSENT = "\x1e"
_KEPT = "\x1fkept"  # begins the names of the kept columns in the query, beside those of the features


@dataclasses.dataclass(frozen=True)
class Training:
    """How the training read its table.

    Attributes:
        spec: the features.
        source: files, dialect and column types.
        query: the SQL of the configuration; None without one.
        bounds: the least and the greatest whole number of each feature of moments.
        vocabularies: the categories of each categorical feature of texts.
        stats: the values of each feature in train; none where they are not known.
    """

    spec: Spec
    source: ingest.Source
    query: str | None
    bounds: Bounds = dataclasses.field(default_factory=dict)
    vocabularies: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    stats: Sequence[TrainStats] = ()


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some rows: the features as Examples hold them, and the columns to keep as the file to write can hold them."""

    features: pa.RecordBatch
    kept: Mapping[str, pa.Array]


class PredictionTable(contextlib.AbstractContextManager["PredictionTable"]):
    """The rows to predict.

    Attributes:
        num_rows: the number of rows in the files, before the query.
        ignored: the columns of the table that are neither features nor kept.

    Example:
        with PredictionTable(training, ["new.csv"], keep=["id"]) as table:
            for batch in table.batches():
                ...
    """

    def __init__(
        self,
        training: Training,
        files: Sequence[str],
        keep: Sequence[str] = (),
        to: str = ".parquet",
        sets: Sequence[str] = (),
    ) -> None:
        """Opens the files.

        Args:
            training: how the training read its table.
            files: paths and globs of the rows.
            keep: names of columns of the table, in any case.
            to: the suffix of the file that the kept columns are for.
            sets: flags `data.KEY=VALUE`, settings of the files that differ from those of the training.

        Raises:
            UserError: a file cannot be read, or lacks a feature or a column to keep.
        """
        data = data_flags.overridden(_data(training, files), sets)
        self._training = dataclasses.replace(training, query=data.query)
        self._categories = {name: Categories(vocabulary) for name, vocabulary in training.vocabularies.items()}
        self._source = _source(self._training, data)
        self._connection = ingest.connect(self._source.data.memory)
        with ingest.reading(self._source):
            self._open()
            described = self._connection.execute("DESCRIBE source_table").fetchall()
        types = {row[0]: row[1] for row in described}
        names = [feature.name for feature in training.spec.features]
        self._require(names, types, "Feature", "the model takes")
        self._require(keep, types, "Column", "--keep names")
        self._keep = _kept(keep, types)
        used = {name.casefold() for name in (*names, *self._keep)}
        self.ignored = [name for name in types if name.casefold() not in used]
        self._select = _select(training.spec.features, types, self._keep, to)

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def spec(self) -> Spec:
        """The spec of the training."""
        return self._training.spec

    def _open(self) -> None:
        """Creates the views `data`, with stand-ins for columns that only the training had, and `source_table`."""
        table = ingest.open_table(self._connection, self._source).lenient()
        self._source = table.source
        self.num_rows = table.rows
        stand_ins = "".join(f", {stand_in}" for stand_in in self._stand_ins())
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW data AS SELECT *{stand_ins} FROM ({table.data()})")
        chosen = "FROM data"
        if self._training.query:
            user_query.check_is_select(self._connection, self._training.query)
            chosen = self._training.query.rstrip().rstrip(";")
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW source_table AS {chosen}")

    def _stand_ins(self) -> Iterator[str]:
        """Yields SQL for columns of the training that the files lack: missing values, or errors for the query to raise.

        Where a file may lack a column, its values are missing, unless the file has no column of the training or one of
        a similar name.
        """
        found = {column.name.casefold() for column in self._source.columns}
        trained = {column.name.casefold() for column in self._training.source.columns}
        optional = ingest.READERS[self._source.format].optional_columns and bool(found & trained)
        for column in self._training.source.columns:
            if column.name.casefold() in found:
                continue
            in_folders = column.name in self._training.source.hive
            if optional and not in_folders and not near_match(column.name, found - trained):
                yield f"NULL::{column.type} AS {ingest.identifier(column.name)}"
            elif self._training.query:
                yield _error(column, self._source)

    def _require(self, names: Sequence[str], types: Mapping[str, str], what: str, who: str) -> None:
        found = {column.casefold() for column in types}
        missing = [column for column in names if column.casefold() not in found]
        if missing:
            more = f" (and {len(missing) - 1} more: {', '.join(missing[1:6])})" if len(missing) > 1 else ""
            raise UserError(
                f"{what} {missing[0]!r}{more}, which {who}, is not in {self._source.files[0]}."
                f"{_without_commas(missing[0], types) or _similar(missing[0], types)} "
                f"The table has the columns {', '.join(types)}."
            )

    def batches(self) -> Iterator[Batch]:
        """Yields all rows in their order, a row group at a time.

        Raises:
            UserError: a value does not fit, or the query needs a column that is not there.
        """
        schema = arrow_schema({feature.name: feature.payload for feature in self._training.spec.features})
        with ingest.reading(self._source):
            try:
                reader = self._connection.sql(self._select).to_arrow_reader(ROW_GROUP)
                if not self.num_rows:  # the file to write has columns all the same
                    types = [reader.schema.field(f"{_KEPT}{index}").type for index in range(len(self._keep))]
                    kept = {name: pa.array([], kept_type) for name, kept_type in zip(self._keep, types, strict=True)}
                    yield Batch(pa.RecordBatch.from_pylist([], schema=schema), kept)
                for batch in reader:
                    rows = pa.Table.from_batches([batch.select(schema.names)])
                    (features,) = payloads.to_lists(rows, schema).to_batches()
                    for name, categories in self._categories.items():
                        replaced = categories.replace(features.column(name))
                        features = features.set_column(schema.get_field_index(name), schema.field(name), replaced)
                    kept = {name: batch.column(f"{_KEPT}{index}") for index, name in enumerate(self._keep)}
                    yield Batch(features, kept)
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


def _without_commas(name: str, columns: Iterable[str]) -> str:
    """Returns the advice for names of columns that are written as one, with commas between them."""
    parts = [part.strip() for part in name.split(",")]
    return f" Write `{shlex.join(parts)}`, without commas." if len(parts) > 1 and set(parts) <= set(columns) else ""


def _kept(names: Iterable[str], columns: Iterable[str]) -> list[str]:
    """Returns the columns to keep, each once and written as in the table."""
    by_folded = {column.casefold(): column for column in columns}
    return list(dict.fromkeys(by_folded[name.casefold()] for name in names))


def _data(training: Training, files: Sequence[str]) -> Data:
    """Returns the section for the files: what the training knew of its own."""
    trained = training.source
    kept = ("header", "encoding", "decimal", "nulls", "date_format")
    csv = Csv(**{option: getattr(trained.dialect, option) for option in kept})
    return Data(
        files=tuple(files),
        csv=csv if ingest.READERS[trained.format].has_dialect else Csv(),
        hive=tuple(name for name in hive.common(ingest.expand(files)) if name in trained.hive) or None,
        memory=trained.data.memory,
        on_bad_rows=trained.data.on_bad_rows,
        query=training.query,
    )


def _source(training: Training, data: Data) -> ingest.Source:
    """Returns the source for the files, with the column types of the training."""
    columns = TrainedColumns(training.source, training.spec, training.query, training.bounds)
    found = ingest.discover(data, columns.types, columns_if_empty=training.source.columns)
    return dataclasses.replace(found, columns=columns.of(found))


def _error(column: ingest.Column, source: ingest.Source) -> str:
    """Returns SQL for a column that raises an error when its values are read, and only then."""
    any_column = ingest.identifier(source.columns[0].name)
    failure = f"error({ingest.literal(_ABSENT + column.name + _ABSENT)} || ({any_column} IS NULL)::VARCHAR)"
    return f"{failure}::{column.type} AS {ingest.identifier(column.name)}"


def _select(features: Sequence[Feature], types: Mapping[str, str], keep: Sequence[str], to: str) -> str:
    """Returns SQL for the features as Examples hold them, and the columns to keep beside them."""
    folded = {column.casefold(): duckdb_type for column, duckdb_type in types.items()}
    columns = [
        payloads.encoded(feature.name, folded[feature.name.casefold()], payloads.feature_encoding(feature))
        for feature in features
    ]
    columns += [
        f"{_written(ingest.identifier(column), types[column], to)} AS {ingest.identifier(f'{_KEPT}{index}')}"
        for index, column in enumerate(keep)
    ]
    return f"SELECT {', '.join(columns)} FROM source_table"


def _written(column: str, duckdb_type: str, to: str) -> str:
    """Returns SQL for a column as a file can hold it: what has no such type becomes text, and nested values JSON."""
    held = re.fullmatch(_IN_CSV, duckdb_type) if to == ".csv" else not re.search(_NOT_IN_PARQUET, duckdb_type)
    if held:
        return column
    nested = re.match(r"STRUCT|MAP|UNION|.*\]$", duckdb_type, re.DOTALL)
    return f"to_json({column})::VARCHAR" if nested else f"{column}::VARCHAR"

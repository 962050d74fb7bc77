"""A table that a pushed model shall predict: read as the training read its own, without the label and in any format."""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa

import ingest
from core.errors import UserError
from core.examples import ROW_GROUP, arrow_schema
from core.spec import Feature, Spec
from ingest.sql import payloads, query

# What text files may hold by the strict casts; the types of Parquet files are mapped to the nearest.
_TEXT_TYPES = ("BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP_NS", "VARCHAR")
_NEAREST = {"TINYINT": "BIGINT", "SMALLINT": "BIGINT", "INTEGER": "BIGINT", "FLOAT": "DOUBLE"}
# Around the name of a column that is not there, in an error that DuckDB raises when the query asks for it.
_ABSENT = "\x1e"
_KEPT = "kept: "


@dataclasses.dataclass(frozen=True)
class Training:
    """How the training read its table.

    Attributes:
        spec: the features.
        source: files, dialect and column types.
        query: the SQL of the configuration; None without one.
    """

    spec: Spec
    source: ingest.Source
    query: str | None


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some rows: the features as Examples hold them, and the columns to keep as the table has them."""

    features: pa.RecordBatch
    kept: Mapping[str, pa.Array]


class UnseenTable:
    """The rows to predict.

    Example:
        with UnseenTable(training, ["new.csv"], keep=["id"]) as table:
            for batch in table.batches():
                ...
    """

    def __init__(self, training: Training, files: Sequence[str], keep: Sequence[str] = ()) -> None:
        """Looks at the files.

        Raises:
            UserError: a file cannot be read; a feature or a column to keep is not there.
        """
        self._training, self._keep = training, tuple(keep)
        self._source = _source(training, files)
        self._connection = ingest.connect(self._source.memory)
        with ingest.reading(self._source):
            self._open()
            described = self._connection.execute("DESCRIBE source_table").fetchall()
        types = {row[0]: row[1] for row in described}
        names = [feature.name for feature in training.spec.features]
        self._require(names, types, "Feature", "the model takes")
        self._require(keep, types, "Column", "--keep names")
        self._select = _select(training.spec.features, types, self._keep)

    def __enter__(self) -> "UnseenTable":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _open(self) -> None:
        """Makes the views `data`, with stand-ins for columns that only the training had, and `source_table`."""
        table = ingest.open_table(self._connection, self._source)
        here = {column.name.casefold() for column in self._source.columns}
        absent = [each for each in self._training.source.columns if each.name.casefold() not in here]
        stand_ins = "".join(f", {_stand_in(each, self._source)}" for each in absent if self._training.query)
        whole = ", ".join(
            payloads.encoded(each, "DOUBLE", payloads.Encoding("int")) for each in self._written_with_point()
        )
        columns = f"* REPLACE ({whole})" if whole else "*"
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW data AS SELECT {columns}{stand_ins} FROM ({table.data()})"
        )
        chosen = "FROM data"
        if self._training.query:
            query.check(self._connection, self._training.query)
            chosen = self._training.query.rstrip().rstrip(";")
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW source_table AS {chosen}")

    def _written_with_point(self) -> list[str]:
        """Returns the columns of whole numbers that are written as 60.0 here."""
        trained = {column.name: column.type for column in self._training.source.columns}
        text = self._source.format in ("csv", "jsonl")
        return [
            each.name
            for each in self._source.columns
            if text and each.type == "DOUBLE" and trained.get(each.name) == "BIGINT"
        ]

    def _require(self, names: Sequence[str], types: Mapping[str, str], what: str, who: str) -> None:
        here = {each.casefold() for each in types}
        missing = [each for each in names if each.casefold() not in here]
        if missing:
            near = difflib.get_close_matches(missing[0], types, n=1)
            hint = f" Is {near[0]!r} meant to be {missing[0]!r}?" if near else ""
            more = f" (and {len(missing) - 1} more: {', '.join(missing[1:6])})" if len(missing) > 1 else ""
            raise UserError(
                f"{what} {missing[0]!r}{more}, which {who}, is not in {self._source.files[0]}.{hint} "
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
                for batch in self._connection.sql(self._select).to_arrow_reader(ROW_GROUP):
                    rows = pa.Table.from_batches([batch.select(schema.names)])
                    (features,) = payloads.to_lists(rows, schema).to_batches()
                    yield Batch(features, {each: batch.column(_KEPT + each) for each in self._keep})
            except duckdb.Error as error:
                raise self._absent(error) or error from error

    def _absent(self, error: duckdb.Error) -> UserError | None:
        """Returns the error for a column that the query asks for and the files do not have; None if it is another."""
        parts = str(error).split(_ABSENT)
        if len(parts) < 3:
            return None
        here = [column.name for column in self._source.columns]
        near = difflib.get_close_matches(parts[1], here, n=1)
        hint = f" Is {near[0]!r} meant to be {parts[1]!r}?" if near else ""
        return UserError(
            f"{self._source.files[0]} has no column {parts[1]!r}, and the features are made of it by the query of the "
            f"training.{hint} The files have the columns {', '.join(here)}."
        )

    def rejects(self) -> int:
        """Returns how many rows were left out because they cannot be read; only if the training did that too."""
        if self._source.on_bad_rows == "stop":
            return 0
        with ingest.reading(self._source):
            return sum(1 for _ in ingest.open_table(self._connection, self._source).rejects())


def _source(training: Training, files: Sequence[str]) -> ingest.Source:
    """Returns the source for the files, with the column types of the training where files hold texts."""
    trained = training.source
    dialect = dataclasses.asdict(trained.dialect)
    alike = {each: dialect[each] for each in ("header", "encoding", "decimal", "nulls", "date_format")}
    types = _types(training)
    found = ingest.discover(
        files,
        csv=alike if trained.format == "csv" else None,
        # Whole numbers may be written as 60.0 here: the files say which columns those are.
        types={name: each for name, each in types.items() if each != "BIGINT"},
        memory=trained.memory,
        on_bad_rows=trained.on_bad_rows,
    )
    if found.format not in ("csv", "jsonl"):
        return found
    formats = {column.name: column.format for column in trained.columns}
    columns = [
        ingest.Column(
            each.name,
            "DOUBLE" if (types.get(each.name), each.type) == ("BIGINT", "DOUBLE") else types.get(each.name, "VARCHAR"),
            formats.get(each.name),
        )
        for each in found.columns
    ]
    return dataclasses.replace(found, columns=tuple(columns))


def _types(training: Training) -> dict[str, str]:
    """Returns the types of the columns that matter; what no feature needs may hold anything."""
    needed = {feature.name for feature in training.spec.features}
    found = {}
    for column in training.source.columns:
        element = column.type.removesuffix("[]")
        nearest = _NEAREST.get(element, "DOUBLE" if element.startswith("DECIMAL") else element)
        known = nearest in _TEXT_TYPES and (training.query is not None or column.name in needed)
        found[column.name] = nearest + column.type[len(element) :] if known else "VARCHAR"
    return found


def _stand_in(column: ingest.Column, source: ingest.Source) -> str:
    """Returns SQL for a column that complains when somebody asks for its values, and only then."""
    any_column = ingest.name(source.columns[0].name)
    complaint = f"error({ingest.literal(_ABSENT + column.name + _ABSENT)} || ({any_column} IS NULL)::VARCHAR)"
    return f"{complaint}::{column.type} AS {ingest.name(column.name)}"


def _select(features: Sequence[Feature], types: Mapping[str, str], keep: Sequence[str]) -> str:
    """Returns SQL for the features as Examples hold them, and the columns to keep beside them."""
    folded = {each.casefold(): duckdb_type for each, duckdb_type in types.items()}
    columns = [
        payloads.encoded(each.name, folded[each.name.casefold()], payloads.Encoding(each.payload, each.repeated))
        for each in features
    ]
    columns += [f"{ingest.name(each)} AS {ingest.name(_KEPT + each)}" for each in keep]
    return f"SELECT {', '.join(columns)} FROM source_table"

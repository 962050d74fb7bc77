"""Queries a table with DuckDB. The table is read once, into a compressed temporary database."""

import dataclasses
import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ingest
from core.config_sections import FeatureOptions, Split
from ingest.sql import splits
from pipeline.profile.column_profile import ColumnProfile, TypeClass, type_class
from pipeline.profile.split_inference import split_named

# DuckDB plans a SELECT of thousands of expressions longer than it runs it, and an exact count needs a hash table.
_PER_QUERY = 400
_EXACT_PER_QUERY = 20
_FEW = 1_000
_MISSING_WORDS = "('na', 'n/a', '#n/a', 'nan', 'null', '?')"
ORDERED: frozenset[TypeClass] = frozenset({"integer", "float", "boolean", "timestamp", "text"})

Expressions = Mapping[str, str]


class TableQueries:
    """A table that does not change while it is queried. It is on disk until it is closed.

    Attributes:
        types: the DuckDB type of each column, in the table's order.
        rows: the number of rows.
    """

    def __init__(self, source: ingest.Source) -> None:
        """Reads a source into a database in a folder that is removed with the connection.

        Raises:
            UserError: a file cannot be read, a value does not fit its column, or the query fails.
        """
        self._source = source
        self._connection = ingest.connect(source.data.memory)
        folder = ingest.temporary_folder(self._connection)
        ingest.relation(self._connection, source)
        with ingest.reading(source):
            self._connection.execute(f"ATTACH {ingest.literal(f'{folder}/scratch.duckdb')} AS scratch")
            self._connection.execute("SET preserve_insertion_order = false")
            self._connection.execute("CREATE TABLE scratch.profiled AS FROM source_table")
        self.types: dict[str, str] = {row[0]: row[1] for row in self._rows("DESCRIBE scratch.profiled")}
        self.rows = int(self._aggregates("count(*)")[0])

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def drop_rows_without(self, column: str) -> int:
        """Removes the rows in which a column has no value from the table; returns how many there were."""
        value = self._value(column)
        missing = self.rows - int(self._aggregates(f"count({value})")[0])
        if missing:
            self._rows(f"DELETE FROM scratch.profiled WHERE ({value}) IS NULL")
            self.rows -= missing
        return missing

    def source_without_null(self, column: str) -> ingest.Source:
        """Returns the source without the rows in which a column has no value."""
        rows = "data"
        query = self._source.data.query
        if query is not None:  # DuckDB's parser writes it without comments and semicolon, so it can be a subquery
            tree = f"json_serialize_sql({ingest.literal(query)})"
            rows = f"({self._rows(f'SELECT json_deserialize_sql({tree})')[0][0]})"
        labelled = f"SELECT * FROM {rows} WHERE ({self._value(column)}) IS NOT NULL"
        data = self._source.data.model_copy(update={"query": labelled})
        return dataclasses.replace(self._source, data=data)

    def value_counts(self, column: str, most: int) -> dict[Any, int]:
        """Returns how many rows each value of a column has, the `most` most frequent ones; null is not counted."""
        counted = f"SELECT {self._group(column)} AS value, count(*) AS rows FROM scratch.profiled GROUP BY 1"
        return dict(self._rows(f"FROM ({counted}) WHERE value IS NOT NULL ORDER BY rows DESC, value LIMIT {most}"))

    def split_counts(self, split: Split, column: str) -> dict[str, Counter[Any]]:
        """Returns for each split how many rows each value of a column has, without rows that are in no split."""
        named = split.by == "column"  # the expression for it raises an error for a value that names no split
        of_row = self._group(str(split.column)) if named else splits.expression(split, self.types)
        counted = f"SELECT {of_row}, {self._group(column)}, count(*) FROM scratch.profiled GROUP BY ALL ORDER BY ALL"
        counts: dict[str, Counter[Any]] = {split_name: Counter() for split_name in splits.NAMES}
        for split_value, value, rows in self._rows(counted):
            split_name = split_named(split_value)
            if split_name:
                counts[split_name][value] += rows
        return counts

    def sample(self, columns: Sequence[str], rows: int) -> Any:
        """Returns a pyarrow.Table of about as many rows as asked for, the same ones each time."""
        every = max(1, self.rows // rows)
        selected = ", ".join(f"{self._value(column)} AS {ingest.identifier(column)}" for column in columns)
        query = f"SELECT {selected} FROM scratch.profiled WHERE hash(rowid) % {every} = 0 LIMIT {2 * rows}"
        with ingest.reading(self._source):
            return self._connection.sql(query).to_arrow_table()

    def column_profiles(self, features: Mapping[str, FeatureOptions]) -> dict[str, ColumnProfile]:
        """Returns the profile of each column, given what the configuration says of columns."""
        first = self._aggregates_by_column(_PER_QUERY, self._statistics)
        second = self._aggregates_by_column(
            _EXACT_PER_QUERY,
            lambda column: self._further_statistics(column, first[column], features.get(column, FeatureOptions())),
        )
        return {column: self._profile(column, first[column] | second[column]) for column in self.types}

    def _statistics(self, column: str) -> Expressions:
        value, inner = self._value(column), type_class(self.types[column])
        statistics = {"present": f"count({value})"}
        if inner in ORDERED:
            text = "::VARCHAR" if inner == "timestamp" else ""  # a timestamp in Python would need a time zone
            statistics |= {"distinct": f"approx_count_distinct({value})"}
            statistics |= {"low": f"min({value}){text}", "high": f"max({value}){text}"}
        if inner == "float":
            statistics["whole"] = f"bool_and({value} = trunc({value}))"
        if inner == "text":
            statistics["missing_word"] = f"max(CASE WHEN lower({value}) IN {_MISSING_WORDS} THEN {value} END)"
            statistics["length"] = f"avg(length({value}))"
            statistics["words"] = f"avg(length({value}) - length(replace({value}, ' ', '')) + 1)"
        return statistics

    def _further_statistics(self, column: str, first: Mapping[str, Any], options: FeatureOptions) -> Expressions:
        """Returns the statistics that only some columns need: exact counts, and whether texts have another type."""
        value, inner = self._value(column), type_class(self.types[column])
        distinct, statistics = first.get("distinct", 0), {}
        near_unique = 5 * distinct >= 4 * first["present"] and inner in ("integer", "text")
        if inner in ORDERED and distinct and (distinct <= _FEW or near_unique):
            statistics["exact"] = f"count(DISTINCT {value})"
        if inner == "text" and _is_date(first["low"]) and _is_date(first["high"]):
            statistics["dates"] = f"count(TRY_CAST({value} AS TIMESTAMP)) = count({value})"
        misfits = _misfits(value, inner, options)
        if misfits:
            statistics["misfit"] = f"min(CASE WHEN {misfits} THEN {value} END)"
        return statistics

    def _profile(self, column: str, statistics: dict[str, Any]) -> ColumnProfile:
        exact = statistics.pop("exact", None)
        if exact is not None:
            statistics["distinct"] = exact
        unique = exact is not None and exact == statistics["present"] > 0
        statistics = {key: value for key, value in statistics.items() if value is not None}
        if type_class(self.types[column]) == "float":
            statistics |= {side: float(statistics[side]) for side in ("low", "high") if side in statistics}
        return ColumnProfile(column, self.types[column], self.rows, unique=unique, **statistics)

    def _aggregates_by_column(
        self, per_query: int, expressions_of: Callable[[str], Expressions]
    ) -> dict[str, dict[str, Any]]:
        """Returns the value of each column's expressions, computed in queries of `per_query` expressions."""
        asked = [(column, key, sql) for column in self.types for key, sql in expressions_of(column).items()]
        values: dict[str, dict[str, Any]] = {column: {} for column in self.types}
        for start in range(0, len(asked), per_query):
            batch = asked[start : start + per_query]
            row = self._aggregates(", ".join(sql for _, _, sql in batch))
            for (column, key, _), value in zip(batch, row, strict=True):
                values[column][key] = value
        return values

    def _aggregates(self, expressions: str) -> Sequence[Any]:
        (row,) = self._rows(f"SELECT {expressions} FROM scratch.profiled")
        return row

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query. What DuckDB lacks for it, such as memory, is reported as it is while reading."""
        with ingest.reading(self._source):
            return self._connection.execute(query).fetchall()

    def _value(self, column: str) -> str:
        """Returns the SQL of a column's value: null where Examples hold none, as for NaN and empty texts and lists."""
        quoted, inner = ingest.identifier(column), type_class(self.types[column])
        if inner == "float" and not self.types[column].startswith("DECIMAL"):
            return f"CASE WHEN isfinite({quoted}) THEN {quoted} END"
        if inner == "list":
            return f"CASE WHEN len({quoted}) > 0 THEN {quoted} END"
        return f"nullif({quoted}::VARCHAR, '')" if inner == "text" else quoted

    def _group(self, column: str) -> str:
        """Returns the SQL of a column's value as a number or a text, which Python can count."""
        plain = type_class(self.types[column]) in ORDERED - {"timestamp"}
        return self._value(column) if plain else f"({self._value(column)})::VARCHAR"


def _misfits(value: str, inner: TypeClass, options: FeatureOptions) -> str | None:
    """Returns the SQL condition of values that are not what the configuration says; None where the type decides it."""
    if inner == "float" and options.type == "int" and options.kind != "timestamp":
        return f"{value} <> trunc({value})"
    if inner != "text" or options.kind in ("text", "ignore"):
        return None
    wanted = "timestamp" if options.kind == "timestamp" else options.type or options.kind
    expected = {"timestamp": "TIMESTAMP", "int": "BIGINT", "float": "DOUBLE", "numeric": "DOUBLE"}.get(wanted or "")
    return f"TRY_CAST({value} AS {expected}) IS NULL" if expected else None


def _is_date(text: str | None) -> bool:
    """Returns whether a text looks like a date in ISO 8601, such as 2024-01-31 or 2024-01-31T12:00:00Z."""
    if text is None or not text[:4].isdigit() or text[4:5] != "-":
        return False
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True

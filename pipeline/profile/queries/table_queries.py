"""Queries a table with DuckDB. The table is read once, into a compressed temporary database."""

import dataclasses
import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb

import ingest
from core.config.sections import FeatureOptions
from ingest.sql import payloads
from pipeline.profile.column_profile import ColumnProfile, TypeClass, type_class
from pipeline.profile.queries.sentinels import Number, may_be_sentinel, sentinels
from pipeline.profile.queries.spellings import Spellings, common, needed_steps

# DuckDB plans a SELECT of thousands of expressions longer than it runs it, and an exact count needs a hash table.
_PER_QUERY = 400
_EXACT_PER_QUERY = 20
_FLOATS = ("FLOAT", "DOUBLE")
_FEW = 1_000
_FEW_TEXTS = 10_000
_MOST_SPELLINGS = 100
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
        self.types: dict[str, str] = {row[0]: row[1] for row in self.fetch("DESCRIBE scratch.profiled")}
        self.rows = int(self._aggregates("count(*)")[0])

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def drop_rows_without(self, column: str) -> int:
        """Removes the rows in which a column is missing from the table; returns how many there were."""
        value = self._present(column)
        missing = self.rows - int(self._aggregates(f"count({value})")[0])
        if missing:
            self.fetch(f"DELETE FROM scratch.profiled WHERE ({value}) IS NULL")
            self.rows -= missing
        return missing

    def source_without_null(self, column: str) -> ingest.Source:
        """Returns the source without the rows in which a column has no value."""
        labelled = f"SELECT * FROM {self.subquery()} WHERE ({self._present(column)}) IS NOT NULL"
        data = self._source.data.model_copy(update={"query": labelled})
        return dataclasses.replace(self._source, data=data)

    def subquery(self) -> str:
        """Returns the SQL of the table for the FROM of another query."""
        query = self._source.data.query
        if query is None:
            return "data"
        tree = f"json_serialize_sql({ingest.literal(query)})"  # DuckDB writes it without comments and semicolon
        return f"({self.fetch(f'SELECT json_deserialize_sql({tree})')[0][0]})"

    def value_counts(self, column: str, most: int) -> dict[Any, int]:
        """Returns how many rows each value of a column has, the `most` most frequent ones; null is not counted."""
        counted = f"SELECT {self.group(column)} AS value, count(*) AS rows FROM scratch.profiled GROUP BY 1"
        return dict(self.fetch(f"FROM ({counted}) WHERE value IS NOT NULL ORDER BY rows DESC, value LIMIT {most}"))

    def sample(self, columns: Sequence[str], rows: int) -> Any:
        """Returns a pyarrow.Table of about as many rows as asked for, the same ones each time."""
        every = max(1, self.rows // rows)
        selected = ", ".join(f"{self.value(column)} AS {ingest.identifier(column)}" for column in columns)
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
        value, inner = self.value(column), type_class(self.types[column])
        statistics = {"present": f"count({value})"}
        if inner in ORDERED:
            text = "::VARCHAR" if inner == "timestamp" else ""  # a timestamp in Python would need a time zone
            statistics |= {"distinct": f"approx_count_distinct({value})"}
            statistics |= {"low": f"min({value}){text}", "high": f"max({value}){text}"}
        if inner in ("float", "list") and self.types[column].partition("[")[0] in _FLOATS:
            quoted = ingest.identifier(column)
            values = quoted if inner == "float" else f"list_max(list_transform({quoted}, lambda element: abs(element)))"
            statistics["too_large"] = f"max(CASE WHEN {_too_large(values)} THEN {values} END)"
        if inner == "float":
            statistics["whole"] = f"bool_and({value} = trunc({value}))"
        if inner == "text":
            statistics["missing_word"] = f"max(CASE WHEN lower({value}) IN {_MISSING_WORDS} THEN {value} END)"
            statistics["length"] = f"avg(length({value}))"
            statistics["words"] = f"avg(length({value}) - length(replace({value}, ' ', '')) + 1)"
        return statistics

    def _further_statistics(self, column: str, first: Mapping[str, Any], options: FeatureOptions) -> Expressions:
        """Returns the statistics that only some columns need: exact counts, and whether texts have another type."""
        value, inner = self.value(column), type_class(self.types[column])
        distinct, statistics = first.get("distinct", 0), {}
        near_unique = 5 * distinct >= 4 * first["present"] and inner in ("integer", "text")
        if inner in ORDERED and distinct and (distinct <= _FEW or near_unique):
            statistics["exact"] = f"count(DISTINCT {value})"
        if inner == "text" and 1 < distinct <= _FEW_TEXTS:
            texts = f"list(DISTINCT {value}) FILTER ({value} IS NOT NULL)"
            merged = f"list_distinct(list_transform({texts}, lambda text: {common('text')}))"
            statistics["spellings"] = f"len({texts}) > len({merged})"
        if inner == "text" and _is_date(first["low"]) and _is_date(first["high"]):
            statistics["dates"] = f"count(TRY_CAST({value} AS TIMESTAMP)) = count({value})"
        misfits = _misfits(value, inner, options)
        if misfits:
            statistics["misfit"] = f"min(CASE WHEN {misfits} THEN {value} END)"
        return statistics

    def _profile(self, column: str, statistics: dict[str, Any]) -> ColumnProfile:
        exact = statistics.pop("exact", None)
        if statistics.pop("spellings", False):
            statistics["spellings"] = self._spellings(column)
        if exact is not None:
            statistics["distinct"] = exact
        unique = exact is not None and exact == statistics["present"] > 0
        statistics = {key: value for key, value in statistics.items() if value is not None}
        if type_class(self.types[column]) == "float":
            statistics |= {side: float(statistics[side]) for side in ("low", "high") if side in statistics}
        extremes = [statistics[side] for side in ("low", "high") if side in statistics]
        if type_class(self.types[column]) in ("integer", "float") and any(map(may_be_sentinel, extremes)):
            statistics["sentinels"] = self._sentinels(column, *extremes)
        return ColumnProfile(column, self.types[column], self.rows, unique=unique, **statistics)

    def _sentinels(self, column: str, low: Number, high: Number) -> dict[Number, int]:
        value = f"{self.value(column)}::DOUBLE" if isinstance(low, float) else self.value(column)
        above, below = (
            f"min(CASE WHEN {value} > {low!r} THEN {value} END)",
            f"max(CASE WHEN {value} < {high!r} THEN {value} END)",
        )
        next_low, next_high, at_low, at_high = self._aggregates(
            f"{above}, {below}, count_if({value} = {low!r}), count_if({value} = {high!r})"
        )
        if next_low is None:
            return {}
        rows = {low: at_low, high: at_high}
        return {extreme: rows[extreme] for extreme in sentinels(low, high, next_low, next_high)}

    def _spellings(self, column: str) -> Spellings | None:
        values = f"(SELECT {self.value(column)} AS value, count(*) AS rows FROM scratch.profiled GROUP BY 1)"
        steps = needed_steps(lambda text: int(self.fetch(f"SELECT count(DISTINCT {text}) FROM {values}")[0][0]))
        groups = self.fetch(
            f"SELECT {common('value', steps)} AS text, list(value ORDER BY rows DESC, value) FROM {values} "
            f"GROUP BY 1 HAVING count(*) > 1 AND text <> '' ORDER BY sum(rows) DESC, text LIMIT {_MOST_SPELLINGS}"
        )
        text = name_in_query(column) + ("" if self.types[column] == "VARCHAR" else "::VARCHAR")
        return Spellings(dict(groups), text, common(text, steps)) if groups else None

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
        (row,) = self.fetch(f"SELECT {expressions} FROM scratch.profiled")
        return row

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query. What DuckDB lacks for it, such as memory, is reported as it is while reading."""
        with ingest.reading(self._source):
            return self._connection.execute(query).fetchall()

    def value(self, column: str) -> str:
        """Returns the SQL of a column's value: null where Examples hold none, as for NaN and empty texts and lists."""
        quoted, inner = ingest.identifier(column), type_class(self.types[column])
        if self.types[column] in _FLOATS:
            return f"CASE WHEN isfinite({quoted}) THEN {quoted} END"
        if inner == "list":
            return f"CASE WHEN len({quoted}) > 0 THEN {quoted} END"
        return f"nullif({quoted}::VARCHAR, '')" if inner == "text" else quoted

    def _present(self, column: str) -> str:
        """Returns the SQL of a column's value, an infinite one too."""
        if self.types[column] not in _FLOATS:
            return self.value(column)
        quoted = ingest.identifier(column)
        return f"CASE WHEN NOT isnan({quoted}) THEN {quoted} END"

    def group(self, column: str) -> str:
        """Returns the SQL of a column's value as a number or a text, which Python can count."""
        plain = type_class(self.types[column]) in ORDERED - {"timestamp"}
        return self.value(column) if plain else f"({self.value(column)})::VARCHAR"


def name_in_query(column: str) -> str:
    """Returns a column's name as a user would write it in SQL: in quotes where DuckDB may need them."""
    plain = re.fullmatch(r"[A-Za-z_]\w*", column, re.ASCII)
    is_name = plain and duckdb.tokenize(column)[0][1] == duckdb.token_type.identifier
    return column if is_name else ingest.identifier(column)


def _misfits(value: str, inner: TypeClass, options: FeatureOptions) -> str | None:
    """Returns the SQL condition of values that are not what the configuration says; None where the type decides it."""
    if inner == "float" and options.type == "int" and options.kind != "timestamp":
        return f"{value} <> trunc({value})"
    if inner != "text" or options.kind in ("text", "ignore"):
        return None
    wanted = "timestamp" if options.kind == "timestamp" else options.type or options.kind
    if wanted in ("float", "numeric"):
        number = f"TRY_CAST({value} AS DOUBLE)"
        return f"{number} IS NULL OR {_too_large(number)}"
    expected = {"timestamp": "TIMESTAMP", "int": "BIGINT"}.get(wanted or "")
    return f"TRY_CAST({value} AS {expected}) IS NULL" if expected else None


def _too_large(number: str) -> str:
    """Returns the SQL condition of numbers that float32 does not hold: infinite ones, and beyond its largest."""
    return f"(abs({number}) >= {payloads.LARGEST_FLOAT32} AND NOT isnan({number}))"


def _is_date(text: str | None) -> bool:
    """Returns whether a text looks like a date in ISO 8601, such as 2024-01-31 or 2024-01-31T12:00:00Z."""
    if text is None or not text[:4].isdigit() or text[4:5] != "-":
        return False
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True

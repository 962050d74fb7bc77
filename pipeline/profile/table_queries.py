"""One look at a table with DuckDB: read once into a compressed scratch table, then asked about its columns."""

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ingest
from ingest import name
from ingest.sql import splits
from ingest.sql.splits import SplitRule
from pipeline.profile.role_inference import Facts, TypeClass, type_class

# A SELECT of thousands of expressions takes DuckDB longer to plan than to run, and exact counts need a hash table each.
_AT_ONCE = 400
_EXACT_AT_ONCE = 20
_FEW = 1_000
_MISSING_WORDS = "('na', 'n/a', '#n/a', 'nan', 'null', '?')"
_ORDERED: frozenset[TypeClass] = frozenset({"integer", "float", "boolean", "timestamp", "text"})

Expressions = Mapping[str, str]


class Table:
    """A table that is read completely and stays as it is, on disk, until its connection is closed.

    Attributes:
        columns: the DuckDB type of each column, in the table's order.
        rows: how many rows there are.
    """

    def __init__(self, source: ingest.Source) -> None:
        """Reads a source into a scratch database in a folder that vanishes with the connection.

        Raises:
            UserError: a file cannot be read, a value does not fit its column, or the query fails.
        """
        self._source = source
        self._connection = ingest.connect(source.memory)
        folder = ingest.temporary_folder(self._connection)
        ingest.relation(self._connection, source)
        with ingest.reading(source):
            self._connection.execute(f"ATTACH {ingest.literal(f'{folder}/scratch.duckdb')} AS scratch")
            self._connection.execute("SET preserve_insertion_order = false")
            self._connection.execute("CREATE TABLE scratch.look AS FROM source_table")
        self.columns: dict[str, str] = {row[0]: row[1] for row in self._rows("DESCRIBE scratch.look")}
        self.rows = int(self.ask("count(*)")[0])

    def ask(self, expressions: str, where: str = "true") -> Sequence[Any]:
        """Returns the one row that an aggregation gives."""
        (row,) = self._rows(f"SELECT {expressions} FROM scratch.look WHERE {where}")
        return row

    def keep(self, value: str) -> int:
        """Takes the rows where an SQL value is null out of the table; returns how many they were."""
        before = self.rows
        if self.ask(f"count(*) - count({value})")[0]:
            self._rows(f"DELETE FROM scratch.look WHERE ({value}) IS NULL")
            self.rows = int(self.ask("count(*)")[0])
        return before - self.rows

    def without_null(self, source: ingest.Source, column: str) -> ingest.Source:
        """Returns the source without the rows in which a column is null."""
        rows = "data"
        if source.query is not None:  # anew from DuckDB's parser: without comments and a semicolon, it fits in brackets
            tree = f"json_serialize_sql({ingest.literal(source.query)})"
            rows = f"({self._rows(f'SELECT json_deserialize_sql({tree})')[0][0]})"
        return dataclasses.replace(source, query=f"SELECT * FROM {rows} WHERE ({self.value(column)}) IS NOT NULL")

    def first_not(self, column: str, duckdb_type: str) -> Any:
        """Returns the first text of a column that is not a value of a type; None where all are."""
        value = self.value(column)
        return self.ask(f"min({value})", f"TRY_CAST({value} AS {duckdb_type}) IS NULL")[0]

    def first_fraction(self, column: str) -> Any:
        """Returns the least number of a column that is not whole; None where all are."""
        value = self.value(column)
        return self.ask(f"min({value})", f"{value} <> trunc({value})")[0]

    def counts(self, column: str, most: int) -> dict[Any, int]:
        """Returns how many rows each value of a column has, the most frequent `most` values; null is not counted."""
        counted = f"SELECT {self.value(column)} AS value, count(*) AS rows FROM scratch.look GROUP BY 1"
        return dict(self._rows(f"FROM ({counted}) WHERE value IS NOT NULL ORDER BY rows DESC, value LIMIT {most}"))

    def counts_by_split(self, rule: SplitRule, column: str) -> list[tuple[str, Any, int]]:
        """Returns how many rows each split has of each value of a column: split, value, rows."""
        split = splits.expression(rule, self.columns)
        return self._rows(f"SELECT {split}, {self.value(column)}, count(*) FROM scratch.look GROUP BY ALL ORDER BY ALL")

    def sample(self, columns: Sequence[str], rows: int, where: str = "true") -> Any:
        """Returns about so many rows, always the same ones, as a pyarrow.Table."""
        every = max(1, self.rows // rows)
        selected = ", ".join(f"{self.value(column)} AS {name(column)}" for column in columns)
        query = f"SELECT {selected} FROM scratch.look WHERE hash(rowid) % {every} = 0 AND ({where}) LIMIT {2 * rows}"
        with ingest.reading(self._source):
            return self._connection.sql(query).to_arrow_table()

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        """Returns what a query gives; what DuckDB lacks for it, such as memory, is told as it is while reading."""
        with ingest.reading(self._source):
            return self._connection.execute(query).fetchall()

    def value(self, column: str) -> str:
        """Returns the SQL of a column's value: null where Examples hold none, as for NaN and empty texts and lists."""
        quoted = name(column)
        inner = type_class(self.columns[column])
        if inner == "float" and not self.columns[column].startswith("DECIMAL"):
            return f"CASE WHEN isfinite({quoted}) THEN {quoted} END"
        if inner == "list":
            return f"CASE WHEN len({quoted}) > 0 THEN {quoted} END"
        return f"nullif({quoted}::VARCHAR, '')" if inner == "text" else quoted

    def facts(self) -> dict[str, Facts]:
        """Returns what each column looks like."""
        first = self._ask_each(_AT_ONCE, self._first_questions)
        second = self._ask_each(_EXACT_AT_ONCE, lambda column: self._second_questions(column, first[column]))
        return {column: self._facts(column, first[column] | second[column]) for column in self.columns}

    def _first_questions(self, column: str) -> Expressions:
        value, inner = self.value(column), type_class(self.columns[column])
        questions = {"present": f"count({value})"}
        if inner in _ORDERED:
            text = "::VARCHAR" if inner == "timestamp" else ""  # a timestamp in Python would need a time zone
            questions |= {"distinct": f"approx_count_distinct({value})"}
            questions |= {"low": f"min({value}){text}", "high": f"max({value}){text}"}
        if inner == "float":
            questions["whole"] = f"bool_and({value} = trunc({value}))"
        if inner == "text":
            questions["missing_word"] = f"max(CASE WHEN lower({value}) IN {_MISSING_WORDS} THEN {value} END)"
            questions["length"] = f"avg(length({value}))"
            questions["words"] = f"avg(length({value}) - length(replace({value}, ' ', '')) + 1)"
        return questions

    def _second_questions(self, column: str, answers: Mapping[str, Any]) -> Expressions:
        """What is worth asking only of some columns: exact counts, and whether all texts are dates."""
        value, inner = self.value(column), type_class(self.columns[column])
        distinct, questions = answers.get("distinct", 0), {}
        near_unique = 5 * distinct >= 4 * answers["present"] and inner in ("integer", "text")
        if inner in _ORDERED and distinct and (distinct <= _FEW or near_unique):
            questions["exact"] = f"count(DISTINCT {value})"
        if inner == "text" and _is_date(answers["low"]) and _is_date(answers["high"]):
            questions["dates"] = f"count(TRY_CAST({value} AS TIMESTAMP)) = count({value})"
        return questions

    def _facts(self, column: str, answers: dict[str, Any]) -> Facts:
        exact = answers.pop("exact", None)
        if exact is not None:
            answers["distinct"] = exact
        unique = exact is not None and exact == answers["present"] > 0
        if type_class(self.columns[column]) == "float":
            answers |= {side: float(answers[side]) for side in ("low", "high") if answers[side] is not None}
        known = {key: value for key, value in answers.items() if value is not None}
        return Facts(column, self.columns[column], self.rows, unique=unique, **known)

    def _ask_each(self, at_once: int, questions: Callable[[str], Expressions]) -> dict[str, dict[str, Any]]:
        """Returns the answers to some questions of each column, so many asked in one query."""
        asked = [(column, question, sql) for column in self.columns for question, sql in questions(column).items()]
        answers: dict[str, dict[str, Any]] = {column: {} for column in self.columns}
        for batch in _batches(asked, at_once):
            row = self.ask(", ".join(sql for _, _, sql in batch))
            for (column, question, _), answer in zip(batch, row, strict=True):
                answers[column][question] = answer
        return answers


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _is_date(text: str | None) -> bool:
    """Returns whether a text looks like a date in ISO 8601, such as 2024-01-31 or 2024-01-31T12:00:00Z."""
    if text is None or not text[:4].isdigit() or text[4:5] != "-":
        return False
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True

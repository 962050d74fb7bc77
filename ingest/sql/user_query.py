"""Analyses the user's SQL over the table `data`: whether it is one SELECT, and which rows a row of its result needs.

Several workers may read parts of a table only if each row is computed from one row. An expression of DuckDB's syntax
tree that is not known to take all its values from one row counts as reading the whole table.
"""

import collections
import glob
import json
import os
from collections.abc import Iterator
from typing import Any, Literal

import duckdb

from core.errors import UserError
from ingest.sql.connection import connect, first_row, literal

Reach = Literal["each row", "some rows", "whole table"]

_ROWWISE = {"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA"}
_ROWWISE |= {"OPERATOR", "STAR", "TYPE"}
_NOT_COLUMNS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
_EMPTY_PARTS = ("modifiers", "group_expressions", "group_sets", "having", "sample", "qualify")


def check_is_select(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raises UserError unless the query is one SELECT statement."""
    tree = _parsed(connection, query)
    statements = tree.get("statements", [])
    if tree["error"] or len(statements) != 1:
        why = tree.get("error_message") or f"it has {len(statements)} statements"
        raise UserError(
            f"The query is not one SELECT: {why}. Write one SELECT over the table `data`, "
            "such as `data: {query: SELECT * EXCLUDE (id) FROM data}`."
        )


def reach(connection: duckdb.DuckDBPyConnection, query: str | None) -> Reach:
    """Returns which rows of `data` a row of the result depends on.

    Returns:
        `each row`: every row of `data` gives one row; `some rows`: every row gives one or none; `whole table`:
        everything else, such as joins, aggregates, windows, ORDER BY, DISTINCT, LIMIT or random numbers.
    """
    if query is None:
        return "each row"
    tree = _parsed(connection, query)
    node = tree["statements"][0]["node"] if not tree["error"] and len(tree["statements"]) == 1 else {}
    return _ReachAnalysis(connection).reach(node)


def files_in_query(query: str | None) -> tuple[str, ...]:
    """Returns the files that a query names besides the table `data`, such as files that it joins; globs expanded."""
    if query is None:
        return ()
    with connect() as connection:
        tree = _parsed(connection, query)
    found = (path for pattern in _table_names(tree) for path in glob.glob(pattern, recursive=True))
    return tuple(sorted({os.path.abspath(path) for path in found if os.path.isfile(path)}))


def _table_names(tree: Any, is_argument: bool = False) -> Iterator[str]:
    """Yields the names of tables, and the texts that are arguments of table functions such as read_csv."""
    if isinstance(tree, list):
        for node in tree:
            yield from _table_names(node, is_argument)
    elif isinstance(tree, dict):
        if tree.get("type") == "BASE_TABLE":
            yield tree["table_name"]
        elif is_argument and tree.get("kind") == "STRING":
            yield tree["text"]
        for node in tree.values():
            yield from _table_names(node, is_argument or tree.get("type") == "TABLE_FUNCTION")


def _parsed(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(first_row(connection, f"SELECT json_serialize_sql({literal(query)})")[0])
    return parsed


class _ReachAnalysis:
    """Finds the reach of a query from its syntax tree."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        rows = connection.execute(
            "SELECT function_name FROM duckdb_functions() GROUP BY 1 HAVING "
            "bool_and(function_type = 'scalar' AND stability <> 'VOLATILE') AND bool_or(stability = 'CONSISTENT')"
        ).fetchall()
        self._connection = connection
        self._functions = {row[0] for row in rows}
        self._macros: dict[str, list[str]] = collections.defaultdict(list)
        for macro, definition in connection.execute(
            "SELECT function_name, macro_definition FROM duckdb_functions() WHERE function_type = 'macro' AND internal"
        ).fetchall():
            self._macros[macro].append(definition)

    def reach(self, node: dict[str, Any]) -> Reach:
        plain = (
            node.get("type") == "SELECT_NODE"
            and not any(node[part] for part in _EMPTY_PARTS)
            and not node["cte_map"]["map"]
            and node["aggregate_handling"] == "STANDARD_HANDLING"
            and self._is_rowwise([node["select_list"], node["where_clause"]])
        )
        below = self._table(node["from_table"]) if plain else "whole table"
        return "some rows" if below == "each row" and node["where_clause"] else below

    def _table(self, table: dict[str, Any]) -> Reach:
        if table.get("sample"):
            return "whole table"
        if table["type"] == "BASE_TABLE" and [part.lower() for part in table["qualified_name"]["path"]] == ["data"]:
            return "each row"
        return self.reach(table["subquery"]["node"]) if table["type"] == "SUBQUERY" else "whole table"

    def _is_rowwise(self, tree: Any) -> bool:
        """Returns whether a tree of expressions takes all its values from one row."""
        if isinstance(tree, list):
            return all(map(self._is_rowwise, tree))
        if not isinstance(tree, dict):
            return True
        match tree.get("class"):
            case "FUNCTION" if not self._is_rowwise_function(tree["function_name"].lower()):
                return False
            case "COLUMN_REF" if tree["column_names"][-1].lower() in _NOT_COLUMNS:
                return False
            case str(expression) if expression not in _ROWWISE:
                return False
        return all(map(self._is_rowwise, tree.values()))

    def _is_rowwise_function(self, function: str) -> bool:
        if function not in self._macros:
            return function in self._functions
        trees = (_parsed(self._connection, f"SELECT {definition}") for definition in self._macros[function])
        return all(self._is_rowwise(tree["statements"][0]["node"]["select_list"]) for tree in trees)

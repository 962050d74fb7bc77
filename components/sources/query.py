"""The user's SQL over the table `data`: whether it is one SELECT, and whether it looks at each row by itself."""

import json
from typing import Any

import duckdb

from components.sources.duck import literal
from models.errors import UserError

_MODIFIERS_OF_ROWS = ("where_clause",)


def check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raises UserError unless the query is one SELECT statement."""
    tree = _parsed(connection, query)
    statements = tree.get("statements", [])
    if tree["error"] or len(statements) != 1:
        why = tree.get("error_message") or f"it has {len(statements)} statements"
        raise UserError(
            f"The query is not one SELECT: {why}. Write one SELECT over the table `data`, "
            "such as `data: {query: SELECT * EXCLUDE (id) FROM data}`."
        )


def _parsed(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    row = connection.execute(f"SELECT json_serialize_sql({literal(query)})").fetchone()
    assert row is not None
    parsed: dict[str, Any] = json.loads(row[0])
    return parsed


def is_row_wise(connection: duckdb.DuckDBPyConnection, query: str | None) -> bool:
    """Returns whether the rows of a result come each from one row of `data`, so that parts of it may be read apart."""
    if query is None:
        return True
    tree = _parsed(connection, query)
    node = tree["statements"][0]["node"] if not tree["error"] else {}
    return _is_plain_select(node)


def _is_plain_select(node: dict[str, Any]) -> bool:
    """Returns whether a node is a projection and filter over `data`, or over another such node."""
    return False

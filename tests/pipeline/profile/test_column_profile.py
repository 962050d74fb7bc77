"""The classes of DuckDB types."""

import pytest

from pipeline.profile.column_profile import type_class


@pytest.mark.parametrize(
    ("duckdb_type", "expected"),
    [
        ("BIGINT", "integer"),
        ("UHUGEINT", "integer"),
        ("DECIMAL(18,3)", "float"),
        ("FLOAT", "float"),
        ("BOOLEAN", "boolean"),
        ("TIMESTAMP WITH TIME ZONE", "timestamp"),
        ("TIMESTAMP_NS", "timestamp"),
        ("DATE", "timestamp"),
        ("TIME", "time"),
        ("UUID", "text"),
        ("ENUM('a', 'b[]')", "text"),
        ("DOUBLE[]", "list"),
        ("INTEGER[3]", "list"),
        ("INTEGER[][]", "nested"),
        ("STRUCT(a INTEGER)", "nested"),
        ("STRUCT(a INTEGER)[]", "nested"),
        ("MAP(VARCHAR, INTEGER)", "nested"),
        ("BLOB", "binary"),
        ("JSON", "nested"),
        ("INTERVAL", "nested"),
    ],
)
def test_type_class(duckdb_type, expected):
    assert type_class(duckdb_type) == expected

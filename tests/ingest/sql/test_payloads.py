"""Tests what Examples hold of every DuckDB type, and which values are refused because they would be lost."""

from typing import Any

import pyarrow as pa
import pytest

from core.config.sections import Data
from core.errors import UserError
from core.examples import arrow_schema
from ingest import connect
from ingest.duckdb_errors import reading
from ingest.source import Source
from ingest.sql.payloads import PayloadEncoding, default_encoding, encoded, to_lists

SOURCE = Source(("data.csv",), (), Data(files=("data.csv",), format="csv"))
INT, FLOAT, TEXT = PayloadEncoding("int"), PayloadEncoding("float"), PayloadEncoding("text")


def held(sql: str, encoding: PayloadEncoding | None = None) -> list[list[Any] | None]:
    """Returns what Examples hold of the values of an SQL list."""
    connection = connect()
    table = f"(SELECT unnest({sql}) AS x)"
    (kind,) = (row[1] for row in connection.execute(f"DESCRIBE SELECT x FROM {table}").fetchall())
    encoding = encoding or default_encoding(kind)
    with reading(SOURCE):
        rows = connection.sql(f"SELECT {encoded('x', kind, encoding)} FROM {table}").to_arrow_table()
    return to_lists(rows, arrow_schema({"x": encoding.payload})).column("x").to_pylist()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("[1::TINYINT, NULL]", [[1], None]),
        ("[9223372036854775807, -9223372036854775808]", [[2**63 - 1], [-(2**63)]]),
        ("[true, false, NULL]", [[1], [0], None]),
        ("[1.5::DOUBLE, 'nan'::DOUBLE, NULL]", [[1.5], None, None]),
        ("[0.1::FLOAT]", [[pytest.approx(0.1, rel=1e-7)]]),
        ("['é', '', NULL]", [["é".encode()], None, None]),
        ("[1.10::DECIMAL(10,2)]", [[b"1.10"]]),
        ("[170141183460469231731687303715884105727::HUGEINT]", [[b"170141183460469231731687303715884105727"]]),
        ("[DATE '2024-01-01', DATE '1969-12-31']", [[1_704_067_200_000_000], [-86_400_000_000]]),
        ("[TIMESTAMP '2024-01-01 00:00:00.000001']", [[1_704_067_200_000_001]]),
        ("['2024-01-01 02:00:00+02'::TIMESTAMPTZ]", [[1_704_067_200_000_000]]),
        ("['2024-01-01 00:00:00.000000001'::TIMESTAMP_NS]", [[1_704_067_200_000_000_001]]),
        ("['6ccd780c-baba-1026-9564-5b8c656024db'::UUID]", [[b"6ccd780c-baba-1026-9564-5b8c656024db"]]),
        ("['b'::ENUM('a', 'b')]", [[b"b"]]),
        ("['\\x61'::BLOB]", [[b"a"]]),
        ("[{'a': 1}]", [[b'{"a":1}']]),
        ("[[1, NULL, 2], [], NULL]", [[1, 2], None, None]),
        ("[['x', '']]", [[b"x"]]),
        ("[[1.5, 'nan'::DOUBLE]::DOUBLE[2]]", [[1.5]]),
    ],
)
def test_every_type(sql: str, expected: list[Any]) -> None:
    assert held(sql) == expected


@pytest.mark.parametrize(
    ("sql", "encoding", "expected"),
    [
        ("[1.0::DOUBLE, NULL, 'nan'::DOUBLE]", INT, [[1], None, None]),
        ("['7', ' 8 ', '2024-01-01 00:00:01', '', 'NA']", INT, [[7], [8], [1_704_067_201_000_000], None, None]),
        ("[5::UBIGINT]", INT, [[5]]),
        ("[7, NULL]", FLOAT, [[7.0], None]),
        ("['1.5', '?', '']", FLOAT, [[1.5], None, None]),
        ("[1.25::DECIMAL(5,2)]", FLOAT, [[1.25]]),
        ("[true]", FLOAT, [[1.0]]),
        ("[7, NULL]", TEXT, [[b"7"], None]),
        ("[1.5::DOUBLE]", TEXT, [[b"1.5"]]),
        ("[true]", TEXT, [[b"true"]]),
        ("[DATE '2024-01-01']", TEXT, [[b"2024-01-01"]]),
        ("[7, NULL]", PayloadEncoding("int", repeated=True), [[7], None]),
    ],
)
def test_what_the_configuration_may_ask_for(sql: str, encoding: PayloadEncoding, expected: list[Any]) -> None:
    assert held(sql, encoding) == expected


@pytest.mark.parametrize(
    ("sql", "encoding", "message"),
    [
        ("[1.5::DOUBLE]", INT, "'x' has the value '1.5', and a whole number of 64 bits"),
        ("['a']", INT, "'x' has the value 'a', and a whole number"),
        (
            "['a']",
            PayloadEncoding("int", unit="ms"),
            r"'a', and a date, .* whole number of milliseconds \(ms\) since 1970",
        ),
        ("[18446744073709551615::UBIGINT]", INT, "'18446744073709551615'"),
        ("[1e300::DOUBLE]", FLOAT, "'1e[+]300', and a finite number below 3.4e38"),
        ("['inf'::DOUBLE]", FLOAT, "'inf', and a finite number"),
        ("['abc']", FLOAT, "'abc', and a finite number"),
        ("['\\xFF'::BLOB]", TEXT, "and text in UTF-8 was expected"),
        ("[[1, 2]]", INT, r"holds lists \(INTEGER\[\]\), and one value a row was expected"),
        ("['infinity'::TIMESTAMP]", INT, "'infinity'"),
    ],
)
def test_nothing_is_lost_in_silence(sql: str, encoding: PayloadEncoding, message: str) -> None:
    with pytest.raises(UserError, match=message):
        held(sql, encoding)


def test_lists_are_large_lists_whatever_the_chunks() -> None:
    schema = arrow_schema({"x": "int"})
    table = pa.table({"x": pa.chunked_array([[1, None], [3]])})
    assert to_lists(table, schema).column("x").to_pylist() == [[1], None, [3]]
    assert to_lists(table.slice(0, 0), schema).num_rows == 0

"""Numbers and dates in disguise: what is unambiguous is read, and what has two readings stays a text."""

import datetime
import json
import pathlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingest
from core.config.sections import Data

DAY = datetime.datetime


def read(path: pathlib.Path) -> tuple[ingest.Column, list[Any]]:
    """Returns the first column and its values."""
    source = ingest.discover(Data(files=(str(path),)))
    with ingest.reading(source):
        rows = ingest.relation(ingest.connect(), source).fetchall()
    return source.columns[0], [row[0] for row in rows]


def in_csv(folder: pathlib.Path, values: list[str], delimiter: str = ",") -> tuple[ingest.Column, list[Any]]:
    path = folder / "data.csv"
    lines = [f"x{delimiter}y", *(f'"{value}"{delimiter}z' for value in values)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return read(path)


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["$12,345.67", "$5"], [12345.67, 5.0]),
        (["12.5%", "7 %"], [0.125, 0.07]),
        (["12,345", "999"], [12345.0, 999.0]),
        (["(1,234.00)", "5.00"], [-1234.0, 5.0]),
        (["1.234,50", "3,00"], [1234.5, 3.0]),
        (["1,23", "4,56"], [1.23, 4.56]),
        (["0,123", "4,567"], [0.123, 4.567]),
        (["12\u00a0345,5", "7,25"], [12345.5, 7.25]),
        (["1'234'567.5", "8"], [1234567.5, 8.0]),
        (["-$5.50", "£7", "8 €", "NA"], [-5.5, 7.0, 8.0, None]),
    ],
)
def test_numbers_with_marks(tmp_path, values, numbers):
    column, found = in_csv(tmp_path, values)
    assert column.type == "DOUBLE"
    assert found == numbers


@pytest.mark.parametrize(
    ("values", "moments"),
    [
        (["05-Jan-2024", "17-Mar-2023"], [DAY(2024, 1, 5), DAY(2023, 3, 17)]),
        (["Jan 5, 2024"], [DAY(2024, 1, 5)]),
        (["1/15/23", "12/1/23"], [DAY(2023, 1, 15), DAY(2023, 12, 1)]),
        (["15.1.23 13:45", "1.2.23 00:00"], [DAY(2023, 1, 15, 13, 45), DAY(2023, 2, 1)]),
        (["20240105", "20231231"], [DAY(2024, 1, 5), DAY(2023, 12, 31)]),
    ],
)
def test_dates(tmp_path, values, moments):
    column, found = in_csv(tmp_path, values)
    assert column.type == "TIMESTAMP"
    assert found == moments


@pytest.mark.parametrize(
    "values",
    [
        ["1/5/23", "2/3/23"],
        ["007", "$5"],
        ["555 123 456"],
        ["192.168.1.1", "10.0.0.1"],
        ["1.2.3", "2.3.4"],
        ["12,34,56"],
    ],
)
def test_texts_with_no_reading_or_two_stay_texts(tmp_path, values):
    column, found = in_csv(tmp_path, values)
    assert column.type == "VARCHAR"
    assert found == values


def test_days_of_digits_are_whole_numbers_where_one_is_no_day(tmp_path):
    assert in_csv(tmp_path, ["20240105", "20241301"])[1] == [20240105, 20241301]


def test_points_are_marks_of_thousands_beside_decimal_commas(tmp_path):
    (tmp_path / "data.csv").write_text("x;y\n1.234;3,5\n12.345;0,25\n")
    assert read(tmp_path / "data.csv")[1] == [1234.0, 12345.0]


def test_marks_of_thousands_late_in_the_file(tmp_path):
    values = [*map(str, range(60_000)), *(f"{row // 1000},{row % 1000:03}" for row in range(60_000, 61_000))]
    column, found = in_csv(tmp_path, values)
    assert column.type == "DOUBLE"
    assert found == [float(row) for row in range(61_000)]


@pytest.mark.parametrize(
    ("values", "column_type", "first"),
    [
        ([f"{row}.5" for row in range(50)], "DOUBLE", 0.5),
        ([f"${row},000.50" for row in range(1, 50)], "DOUBLE", 1000.5),
        ([str(row) for row in range(50)], "VARCHAR", "0"),  # these may be codes
        (["1.0", "1.1", "2.0"], "VARCHAR", "1.0"),  # and these versions
        (["31.12.2024", "01.02.2024"], "TIMESTAMP", DAY(2024, 12, 31)),
    ],
)
def test_texts_of_formats_that_have_types(tmp_path, values, column_type, first):
    pq.write_table(pa.table({"x": values}), tmp_path / "data.parquet")
    (tmp_path / "data.jsonl").write_text("\n".join(json.dumps({"x": value}) for value in values))
    for name in ("data.parquet", "data.jsonl"):
        column, found = read(tmp_path / name)
        assert column.type == column_type
        assert found[0] == first


def test_texts_in_one_parquet_file_of_several(tmp_path):
    pq.write_table(pa.table({"x": [1, 2]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"x": ["3", "NA"]}), tmp_path / "2.parquet")
    column, found = read(tmp_path / "*.parquet")
    assert column.type == "BIGINT"
    assert found == [1, 2, 3, None]

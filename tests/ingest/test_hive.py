"""Columns of folders: which names of folders are columns, their values and types, in every format."""

import pathlib
from typing import Any

import pytest

import ingest
from core.config.sections import Data
from core.errors import UserError
from ingest import READERS, hive, work_units
from tests.conformance.table_writers import WRITERS

every_format = pytest.mark.parametrize("name", sorted(READERS))


def write(path: pathlib.Path, name: str, rows: list[dict[str, Any]]) -> str:
    path.mkdir(parents=True, exist_ok=True)
    file = path / f"part{READERS[name].suffixes[0]}"
    file.write_bytes(WRITERS[name](rows))
    return str(file)


def read(*files: str, **options: Any) -> tuple[ingest.Source, list[dict[str, Any]]]:
    source = ingest.discover(Data(files=files, **options), options.pop("types", None))
    with ingest.reading(source):
        return source, ingest.relation(ingest.connect(), source).to_arrow_table().to_pylist()


@every_format
def test_the_folders_of_a_partitioned_table_are_columns(tmp_path: pathlib.Path, name: str) -> None:
    write(tmp_path / "t/year=2023/region=de", name, [{"a": 1}])
    write(tmp_path / "t/year=2023/region=a%20b", name, [{"a": 2}])
    write(tmp_path / "t/year=2024/region=__HIVE_DEFAULT_PARTITION__", name, [{"a": 3}])
    source, rows = read(f"{tmp_path}/t/**/part.*")
    assert {column.name: column.type for column in source.columns} == {
        "a": "BIGINT",
        "year": "BIGINT",
        "region": "VARCHAR",
    }
    assert rows == [
        {"a": 2, "year": 2023, "region": "a b"},
        {"a": 1, "year": 2023, "region": "de"},
        {"a": 3, "year": 2024, "region": None},
    ]
    assert read(*source.files)[1] == rows, "as a shell expands the glob"
    units = work_units.divide(source, 1)
    connection = ingest.connect()
    pieces = [connection.sql(ingest.open_table(connection, source, unit.pieces).data()).fetchall() for unit in units]
    assert [row for found in pieces for row in found] == [tuple(row.values()) for row in rows]


@every_format
@pytest.mark.parametrize("pattern", ["n=5/f=3/part.*", "**/part.*"])
def test_a_column_of_the_files_is_never_overwritten(tmp_path: pathlib.Path, name: str, pattern: str) -> None:
    write(tmp_path / "n=5/f=3", name, [{"n": 1, "F": "x"}, {"n": 2, "F": "y"}])
    source, rows = read(f"{tmp_path}/{pattern}")
    assert source.hive == ()
    assert rows == [{"n": 1, "F": "x"}, {"n": 2, "F": "y"}]


@every_format
def test_a_folder_that_is_named_is_a_place(tmp_path: pathlib.Path, name: str) -> None:
    file = write(tmp_path / "f=3", name, [{"a": 1}])
    assert read(file)[1] == [{"a": 1}]
    assert read(f"{tmp_path}/f=3/*")[1] == [{"a": 1}]
    assert read(file, hive=("f",))[1] == [{"a": 1, "f": 3}]
    assert read(f"{tmp_path}/*/*")[1] == [{"a": 1, "f": 3}]
    assert read(f"{tmp_path}/*/*", hive=())[1] == [{"a": 1}]


def test_a_folder_with_signs_of_globs_is_a_place_too(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "f=[3]*", "csv", [{"a": 1}])
    assert read(f"{tmp_path}/f=[3]*/*.csv")[1] == [{"a": 1}]
    assert read(f"{tmp_path}/*/*.csv")[1] == [{"a": 1, "f": "[3]*"}]


def test_folders_whose_names_clash_are_an_error(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "k=1/K=2", "csv", [{"a": 1}])
    with pytest.raises(UserError, match=r"the column 'k' is there 2 times \(k, K\)"):
        read(f"{tmp_path}/**/*.csv")


@pytest.mark.parametrize(
    ("values", "column_type"),
    [
        (["1", "2"], "BIGINT"),
        (["01", "02"], "VARCHAR"),
        (["0.5", "1"], "DOUBLE"),
        (["2024-01-31", "2024-02-01"], "DATE"),
        (["NA", "de"], "VARCHAR"),
        (["__HIVE_DEFAULT_PARTITION__", ""], "VARCHAR"),
    ],
)
def test_types_are_those_of_all_folders(tmp_path: pathlib.Path, values: list[str], column_type: str) -> None:
    for value in values:
        write(tmp_path / f"k={value}", "parquet", [{"a": 1}])
    source, rows = read(f"{tmp_path}/*/*.parquet")
    assert source.columns[1].type == column_type
    if column_type == "VARCHAR":
        assert {row["k"] for row in rows} == {None if "HIVE" in value or not value else value for value in values}
    given = ingest.discover(Data(files=(f"{tmp_path}/*/*.parquet",)), {"k": "VARCHAR"})
    assert given.columns[1].type == "VARCHAR"


def test_the_days_of_spans_are_no_column(tmp_path: pathlib.Path) -> None:
    for day in ("2024-01-01", "2024-01-02"):
        write(tmp_path / f"day={day}", "csv", [{"a": 1}])
    source, rows = read(f"{tmp_path}/day={{YYYY}}-{{MM}}-{{DD}}/part.csv", spans=2)
    assert (source.hive, rows) == ((), [{"a": 1}, {"a": 1}])


def test_a_folder_that_is_asked_for_and_not_there_is_an_error(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "k=1", "csv", [{"a": 1}])
    write(tmp_path / "other", "csv", [{"a": 1}])
    with pytest.raises(UserError, match=r"other/part\.csv is in no folder k=\.\.\., and it has no column 'k'"):
        read(f"{tmp_path}/*/*.csv", hive=("k",))
    assert hive.common([f"{tmp_path}/k=1/part.csv", f"{tmp_path}/other/part.csv"]) == ()

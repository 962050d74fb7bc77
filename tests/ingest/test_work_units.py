"""Tests how a table is divided, and that its rows and their splits do not depend on it."""

import pathlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingest
from core import examples
from core.config.sections import Data, Fractions, Split
from core.errors import UserError
from ingest import rejects, work_units
from ingest.rejects import Reject
from ingest.sql import splits
from ingest.sql.payloads import default_encoding
from tests.conformance.table_writers import WRITERS

ROWS = [{"a": row, "b": f"text\n{row % 7}" if row % 3 else None, "c": row / 8} for row in range(500)]


def csv_text(rows: list[dict[str, Any]]) -> str:
    return WRITERS["csv"](rows).decode()


def make(folder: pathlib.Path, name: str) -> str:
    """Writes the rows in a format and returns the path."""
    path = folder / f"data.{name}"
    path.write_bytes(WRITERS[name](ROWS))
    return str(path)


def ingested(
    source: ingest.Source, folder: pathlib.Path, size: int = 1 << 30, split: Split | None = None
) -> tuple[work_units.Counts, dict[str, list[dict[str, Any]]]]:
    """Returns the counts and the rows of each split."""
    split = split or Split(fractions=Fractions(train=0.6, eval=0.2, test=0.2))
    with work_units.UnitReader(work_units.Plan(source, {}, split), work_units.divide(source, 1 << 30)[0]) as reader:
        encodings = {column: default_encoding(column_type) for column, column_type in reader.types.items()}
    total = work_units.Counts()
    for unit in work_units.divide(source, size):
        with work_units.UnitReader(work_units.Plan(source, encodings, split), unit) as reader:
            total += reader.write(str(folder))
    return total, {name: rows_of(folder / f"Split-{name}") for name in splits.NAMES}


def rows_of(folder: pathlib.Path) -> list[dict[str, Any]]:
    batches = map(examples.read, examples.row_groups(str(folder)))
    return [{key: value and value[0] for key, value in row.items()} for batch in batches for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("expected")
    return ingested(ingest.discover(Data(files=(make(folder, "csv"),))), folder)[1]


def test_all_rows_are_there_once(expected: dict[str, list[dict[str, Any]]]) -> None:
    rows = sorted((row for rows in expected.values() for row in rows), key=lambda row: row["a"])
    assert rows == [{**row, "b": row["b"] and row["b"].encode()} for row in ROWS]
    assert [len(expected[name]) for name in splits.NAMES] == pytest.approx([300, 100, 100], abs=30)
    assert [row["a"] for row in expected["train"]] == sorted(row["a"] for row in expected["train"])


@pytest.mark.parametrize("name", sorted(ingest.READERS))
def test_formats_and_units_give_the_same_rows_in_the_same_splits(
    tmp_path: pathlib.Path, name: str, expected: dict[str, list[dict[str, Any]]]
) -> None:
    source = ingest.discover(Data(files=(make(tmp_path, name),)))
    size = 1 if name == "parquet" else 999
    assert len(work_units.divide(source, size)) > 3
    counts, found = ingested(source, tmp_path, size)
    assert found == expected
    assert (counts.read, counts.rejects) == (500, 0)


def test_a_damaged_record_is_named_by_its_number_in_the_file(tmp_path: pathlib.Path) -> None:
    path = pathlib.Path(make(tmp_path, "tfrecord"))
    source = ingest.discover(Data(files=(str(path),)))
    divided = work_units.divide(source, 999)
    content = bytearray(path.read_bytes())
    piece = divided[3].pieces[0]
    content[piece.start + 12] ^= 1
    path.write_bytes(content)
    with (
        pytest.raises(UserError, match=rf"record {piece.rows_before + 1} is damaged: its checksum is wrong"),
        work_units.UnitReader(work_units.Plan(source, {}, Split()), divided[3]),
    ):
        pass
    path.write_bytes(content[:-1])
    assert [unit.pieces[0].is_whole for unit in work_units.divide(source, 999)] == [True], (
        "a cut file is read to the cut"
    )


def test_small_files_share_a_unit(tmp_path: pathlib.Path) -> None:
    for index in range(10):
        (tmp_path / f"{index}.csv").write_text(csv_text(ROWS[:50]))
    source = ingest.discover(Data(files=(str(tmp_path / "*.csv"),)))
    size = (tmp_path / "0.csv").stat().st_size
    assert [len(unit.pieces) for unit in work_units.divide(source, 4 * size)] == [4, 4, 2]


def test_a_query_over_the_whole_table_is_one_unit(tmp_path: pathlib.Path) -> None:
    source = ingest.discover(
        Data(files=(make(tmp_path, "csv"),), query="SELECT DISTINCT b, 1 AS one FROM data ORDER BY b")
    )
    assert len(work_units.divide(source, 100)) == 1
    counts, found = ingested(source, tmp_path)
    assert counts.read == 500
    assert sum(map(len, found.values())) == 8


def test_no_unit_reaches_from_one_span_into_the_next(tmp_path: pathlib.Path) -> None:
    for name in ("1/a.csv", "1/b.csv", "2/a.csv", "3/a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n1\n")
    source = ingest.discover(Data(files=(str(tmp_path / "{SPAN}" / "*.csv"),), spans=3))
    read = [
        [piece.file.removeprefix(f"{tmp_path}/") for piece in unit.pieces]
        for unit in work_units.divide(source, 1 << 30)
    ]
    assert read == [["1/a.csv", "1/b.csv"], ["2/a.csv"], ["3/a.csv"]]
    whole = ingest.discover(
        Data(files=(str(tmp_path / "{SPAN}" / "*.csv"),), spans=3, query="SELECT max(x) AS x FROM data")
    )
    assert len(work_units.divide(whole, 1 << 30)) == 1


def test_a_filter_may_be_divided(tmp_path: pathlib.Path) -> None:
    source = ingest.discover(
        Data(files=(make(tmp_path, "csv"),), query="SELECT a, a * 2 AS double FROM data WHERE a % 2 = 0")
    )
    counts, found = ingested(source, tmp_path, 700)
    assert sorted(row["double"] for rows in found.values() for row in rows) == list(range(0, 1000, 4))
    assert counts.read == 500


def test_bad_rows_are_put_aside_with_their_line_in_every_unit(tmp_path: pathlib.Path) -> None:
    lines = [f"{row},x,{row}.5" for row in range(400)]
    lines[100], lines[200], lines[300] = "zz,x,1", "1,2", "7,x,é"
    path = tmp_path / "data.csv"
    path.write_text("a,b,c\n" + "\n".join(lines))
    source = ingest.discover(Data(files=(str(path),), on_bad_rows="quarantine"))
    assert len(work_units.divide(source, 500)) > 3
    counts, found = ingested(source, tmp_path, 500)
    assert (counts.read, counts.rejects, sum(map(len, found.values()))) == (400, 3, 397)
    rejects.gather(str(tmp_path), "line")
    found_rejects = pq.read_table(tmp_path / "rejects.parquet").to_pylist()
    assert [(reject["line"], reject["reason"], reject["text"]) for reject in found_rejects] == [
        (102, "column 'a' is not a whole number of 64 bits", "zz,x,1"),
        (202, "3 columns were expected, and there are 2", "1,2"),
        (302, "column 'c' is not a finite number", "7,x,é"),
    ]


def test_a_column_that_is_gone_is_named(tmp_path: pathlib.Path) -> None:
    source = ingest.discover(Data(files=(make(tmp_path, "csv"),), query="SELECT a FROM data"))
    plan = work_units.Plan(source, {"b": default_encoding("VARCHAR")}, Split())
    reader = work_units.UnitReader(plan, work_units.divide(source, 1 << 30)[0])
    with reader, pytest.raises(UserError, match="The table has no column 'b'; it has a"):
        reader.write(str(tmp_path))


def test_rows_that_vanish_are_an_error(tmp_path: pathlib.Path) -> None:
    source = ingest.discover(Data(files=(make(tmp_path, "parquet"),)))
    (unit,) = work_units.divide(source, 1 << 30)
    plan = work_units.Plan(source, {"a": default_encoding("BIGINT")}, Split())
    with work_units.UnitReader(plan, unit) as reader:
        pq.write_table(pa.Table.from_pylist(ROWS[:499]), unit.pieces[0].file)  # changed while it is read
        with pytest.raises(UserError, match="500 rows went in and 499 came out"):
            reader.write(str(tmp_path))


def test_the_memory_limit_is_said(tmp_path: pathlib.Path) -> None:
    query = "SELECT list(x.a), list(y.c) FROM data x, data y, data z GROUP BY x.a + y.a * 1000 + z.a * 1000000"
    source = ingest.discover(Data(files=(make(tmp_path, "csv"),), query=query, memory="20MB"))
    connection = ingest.connect(source.data.memory)
    with pytest.raises(UserError, match="more than the 20MB of memory"), ingest.reading(source):
        ingest.relation(connection, source).fetchall()


def test_rejects_are_written_some_at_a_time(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects, "_ROWS_AT_ONCE", 2)
    for part, count in (("part-1.parquet", 5), ("part-0.parquet", 1), ("part-2.parquet", 0)):
        rejected = (Reject(part, line, "it is bad", "text") for line in range(count))
        assert rejects.write(str(tmp_path / "rejects" / part), rejected) == count
    assert rejects.gather(str(tmp_path), "line") == ["part-0.parquet, line 0: it is bad: 'text'"]
    found = pq.read_table(tmp_path / "rejects.parquet")
    assert found.column("line").to_pylist() == [0, 0, 1, 2, 3, 4]
    assert not (tmp_path / "rejects").exists()


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet", "tfrecord"])
@pytest.mark.parametrize("order", [("Age", "age", "AGE"), ("age", "AGE", "Age")])
def test_names_that_differ_in_case_only(tmp_path: pathlib.Path, name: str, order: tuple[str, ...]) -> None:
    """Of AGE, Age and age, the first in the order of Python's strings stays, wherever it is in the file."""
    values = {"AGE": "capitals {}", "Age": "first {}", "age": "small {}"}
    rows = [{key: values[key].format(row) for key in order} for row in range(40)]
    path = tmp_path / f"data.{name}"
    path.write_bytes(WRITERS[name](rows))
    if name == "parquet":
        pq.write_table(pq.read_table(path), path, row_group_size=10)
    source = ingest.discover(Data(files=(str(path),)))
    assert {column.name: column.name_in_files for column in source.columns} == {
        "AGE": "AGE", "Age_2": "Age", "age_3": "age",
    }  # fmt: skip
    _, found = ingested(source, tmp_path / "examples", size=200)
    read = sorted((row for part in found.values() for row in part), key=lambda row: int(row["AGE"].split()[1]))
    assert read == [
        {"AGE": f"capitals {row}".encode(), "Age_2": f"first {row}".encode(), "age_3": f"small {row}".encode()}
        for row in range(40)
    ]


def test_columns_of_a_trained_model_keep_their_names() -> None:
    trained = {"Age": "Age", "age": "age_2"}
    assert ingest.table_names(["age"], trained) == {"age": "age_2"}
    assert ingest.table_names(["age", "Age"], {"age": "age"}) == {"age": "age", "Age": "Age_2"}
    assert ingest.table_names(["age_2", "age", "Age"]) == {"Age": "Age", "age": "age_3", "age_2": "age_2"}

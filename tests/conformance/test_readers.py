"""Every reader keeps the promises of `ingest.readers.base.Reader`."""

import gzip
import pathlib
from typing import Any

import pytest

import ingest
from core.config.sections import Data
from core.errors import UserError
from ingest import READERS, work_units
from ingest.readers.tfrecord import framed
from ingest.source import Column
from tests.conformance.table_writers import WRITERS, Rows

ROWS = [{"n": 1, "x": 0.5, "s": "a,b"}, {"n": None, "x": -2.25, "s": None}, {"n": 30, "x": 4.0, "s": "é"}]
MANY_ROWS = [{"n": row, "x": row / 8, "s": f"text {row % 7}" if row % 3 else None} for row in range(1, 500)]
TYPES = {"n": "BIGINT", "x": "DOUBLE", "s": "VARCHAR"}
TYPES_OF_TFRECORD = {**TYPES, "x": "FLOAT"}
# What may follow the rows of a file and is no row; nothing of the kind fits into Parquet. And the number of such a row.
BAD_ROWS: dict[str, tuple[bytes, int] | None] = {
    "csv": (b"1,2\n", 5),
    "jsonl": (b"[1]\n", 4),
    "parquet": None,
    "tfrecord": (framed(b"no tf.Example"), 4),
}
BAD_VALUES: dict[str, bytes] = {"csv": b'"word",1,"z"\n', "jsonl": b'{"n": "word", "x": 1.0, "s": "z"}\n'}
COMPRESSED = ("csv", "jsonl", "tfrecord")  # Parquet compresses inside

every_format = pytest.mark.parametrize("name", sorted(READERS))


def write(folder: pathlib.Path, name: str, content: Rows | bytes, suffix: str = "") -> str:
    path = folder / f"data{READERS[name].suffixes[0]}{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else WRITERS[name](content))
    return str(path)


def read(file: str, **options: Any) -> tuple[ingest.Source, list[dict[str, Any]]]:
    source = ingest.discover(Data(files=(file,), **options))
    with ingest.reading(source):
        rows = ingest.relation(ingest.connect(), source).to_arrow_table().to_pylist()
    return source, rows


def test_every_reader_is_tested() -> None:
    assert set(WRITERS) == set(BAD_ROWS) == set(READERS)


@every_format
def test_the_format_is_told_from_every_suffix(tmp_path: pathlib.Path, name: str) -> None:
    for suffix in READERS[name].suffixes:
        path = tmp_path / f"data{suffix.upper()}"
        path.write_bytes(WRITERS[name](ROWS))
        assert read(str(path))[0].format == name


@every_format
def test_columns_types_and_rows_are_those_that_were_written(tmp_path: pathlib.Path, name: str) -> None:
    source, rows = read(write(tmp_path, name, ROWS))
    types = TYPES_OF_TFRECORD if name == "tfrecord" else TYPES
    assert {column.name: column.type for column in source.columns} == types
    assert rows == ROWS


@every_format
def test_given_types_are_used_where_files_hold_texts(tmp_path: pathlib.Path, name: str) -> None:
    source = ingest.discover(Data(files=(write(tmp_path, name, ROWS),)), {"n": "VARCHAR"})
    assert (Column("n", "VARCHAR") in source.columns) == READERS[name].holds_texts


@every_format
def test_several_files_are_one_table(tmp_path: pathlib.Path, name: str) -> None:
    for folder, rows in (("1", ROWS[:1]), ("2", ROWS[2:])):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, name, rows)
    assert read(str(tmp_path / "*" / "data.*"))[1] == [ROWS[0], ROWS[2]]


@every_format
def test_pieces_hold_every_row_once_in_order(tmp_path: pathlib.Path, name: str) -> None:
    source, expected = read(write(tmp_path, name, MANY_ROWS))
    assert expected == MANY_ROWS
    units = work_units.divide(source, 1 if name == "parquet" else 999)
    assert len(units) > 3
    found = []
    for unit in units:
        connection = ingest.connect()
        table = ingest.open_table(connection, source, unit.pieces)
        rows = connection.sql(table.data()).to_arrow_table().to_pylist()
        assert table.rows == len(rows)
        assert [piece.rows for piece in unit.pieces if piece.rows is not None] in ([], [len(rows)])
        found += rows
    assert found == expected


@every_format
def test_columns_may_be_named_like_those_of_duckdb(tmp_path: pathlib.Path, name: str) -> None:
    names = ("file_row_number", "row_number", "rowid", "filename", "json", "object", "element", "data", "folders", "n")
    source, expected = read(write(tmp_path, name, [dict.fromkeys(names, row) for row in range(1, 300)]))
    assert expected == [dict.fromkeys(names, row) for row in range(1, 300)]
    found = []
    for unit in work_units.divide(source, 1 if name == "parquet" else 999):
        connection = ingest.connect()
        table = ingest.open_table(connection, source, unit.pieces)
        found += connection.sql(table.data()).to_arrow_table().to_pylist()
        assert list(table.rejects()) == []
    assert found == expected


@every_format
def test_bad_rows_are_named_or_put_aside(tmp_path: pathlib.Path, name: str) -> None:
    bad = BAD_ROWS[name]
    if bad is None:
        assert not READERS[name].holds_texts
        return
    content, line = bad
    file = write(tmp_path, name, WRITERS[name](ROWS) + content)
    place = rf"{file}, {READERS[name].unit} {line}: "
    with pytest.raises(UserError, match=rf"^{place}.*on_bad_rows: quarantine"):
        read(file)
    source, rows = read(file, on_bad_rows="quarantine")
    assert rows == ROWS
    (reject,) = ingest.open_table(ingest.connect(), source).rejects()
    assert (reject.file, reject.line, reject.unit) == (file, line, READERS[name].unit)
    assert str(reject).startswith(place)


@pytest.mark.parametrize("name", sorted(name for name, reader in READERS.items() if reader.holds_texts))
def test_bad_values_are_named_by_the_row_that_has_them(tmp_path: pathlib.Path, name: str) -> None:
    source, _ = read(write(tmp_path, name, ROWS))
    file = write(tmp_path, name, WRITERS[name](ROWS) + BAD_VALUES[name])
    line = len(WRITERS[name](ROWS).splitlines()) + 1
    with (
        pytest.raises(UserError, match=rf"^{file}, line {line}: column 'n' has the value 'word', and a whole number"),
        ingest.reading(source),
    ):
        ingest.relation(ingest.connect(), source).fetchall()


@every_format
def test_a_cut_file_is_an_error_that_names_it(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"^{tmp_path}/data\."):
        read(write(tmp_path, name, WRITERS[name](ROWS)[:-3]))


@every_format
def test_compressed_files_are_read_or_refused(tmp_path: pathlib.Path, name: str) -> None:
    content = gzip.compress(WRITERS[name](ROWS))
    if name not in COMPRESSED:
        with pytest.raises(UserError, match=rf"^{tmp_path}/data\..*gz "):
            read(write(tmp_path, name, content, ".gz"))
        return
    assert read(write(tmp_path, name, content, ".gz"))[1] == ROWS
    with pytest.raises(UserError, match=rf"^{tmp_path}/data\..*gz cannot be read"):
        read(write(tmp_path, name, content[:-12], ".gz"))


@every_format
def test_an_empty_file_is_an_error_that_names_it(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"^{tmp_path}/data\..* is empty\. A table with a header and rows"):
        read(write(tmp_path, name, b""))


@every_format
def test_another_format_is_an_error_that_names_the_file(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"^{tmp_path}/data\."):
        read(write(tmp_path, name, b"\0\1\2\3" * 100))


@every_format
def test_names_that_differ_in_case_only(tmp_path: pathlib.Path, name: str) -> None:
    """The first in the order of Python's strings stays."""
    source, rows = read(write(tmp_path, name, [{"a": 1, "b": 2, "A": 3}]))
    assert {column.name: column.name_in_files for column in source.columns} == {"A": "A", "a_2": "a", "b": "b"}
    assert rows == [{"A": 3, "a_2": 1, "b": 2}]


@every_format
def test_a_file_whose_name_looks_like_a_glob_is_one_file(tmp_path: pathlib.Path, name: str) -> None:
    folder = tmp_path / "[1]*?"
    folder.mkdir()
    file = write(folder, name, ROWS)
    assert read(file)[1] == ROWS

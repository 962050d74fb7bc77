"""Tests the discovery of formats, dialects and types, and the files that are refused."""

import gzip
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingest
from core.config.sections import Csv, Data
from core.errors import UserError
from ingest import spans
from ingest.source import Column


def write(folder: pathlib.Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def read(
    files: Sequence[str], types: Mapping[str, str] | None = None, **options: Any
) -> tuple[ingest.Source, list[tuple[Any, ...]]]:
    source = ingest.discover(Data(files=tuple(files), **options), types)
    connection = ingest.connect()
    with ingest.reading(source):
        return source, ingest.relation(connection, source).fetchall()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,x\n2,y\n", [(1, "x"), (2, "y")]),
        ("a;b\n1;x,x\n2;y\n", [(1, "x,x"), (2, "y")]),
        ("a\tb\n1\tx\n", [(1, "x")]),
        ("a|b\n1|x\n", [(1, "x")]),
        ("a,b\r\n1,x\r\n2,y", [(1, "x"), (2, "y")]),
        ("a,b\r1,x\r2,y\r", [(1, "x"), (2, "y")]),  # as old Macs wrote
        ("a,b\n1,x\r\n2,y\n", [(1, "x"), (2, "y")]),  # mixed line ends
        ("\ufeffa,b\n1,x\n", [(1, "x")]),
        ('a,b\n1,"x, ""y"""\n2,"two\nlines"\n', [(1, 'x, "y"'), (2, "two\nlines")]),
        ('a,b\n1,"x \\"y\\""\n2,"z"\n', [(1, 'x "y"'), (2, "z")]),
        ("a,b\n1,'x, y'\n2,'z'\n", [(1, "x, y"), (2, "z")]),
        ('a,b\n1,5" pipe\n', [(1, '5" pipe')]),
        ("\n\na,b\n\n1,x\n\n", [(1, "x")]),
        ("a,b\n1,\n,x\n", [(1, None), (None, "x")]),
        (",b\n1,x\n", [(1, "x")]),  # as pandas writes an index
        ("a\n1\n\n3\n", [(1,), (None,), (3,)]),  # in one column, a blank line is a missing value
        ("a\nx\ny, z\n", [("x",), ("y, z",)]),  # and a comma is no delimiter if the header has none
    ],
)
def test_csv_dialects(tmp_path: pathlib.Path, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert read([write(tmp_path, "data.csv", text)])[1] == rows


def test_utf16_is_known_by_its_mark_and_latin1_by_the_option(tmp_path: pathlib.Path) -> None:
    assert read([write(tmp_path, "a.csv", "a,b\n1,é\n".encode("utf-16"))])[1] == [(1, "é")]
    latin = write(tmp_path, "b.csv", "a,b\n1,é\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"b\.csv, line 2: it is not UTF-8: byte 0xe9 at position 3.*encoding: latin-1"):
        read([latin])
    assert read([latin], csv={"encoding": "latin-1"})[1] == [(1, "é")]


@pytest.mark.parametrize("encoding", [None, "utf-8", "latin-1", "utf-16"])
@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_encoding_is_that_of_the_file(tmp_path: pathlib.Path, written: str, encoding: str | None) -> None:
    file = write(tmp_path, "data.csv", "a,b\n1,Köln\n".encode(written))
    assert read([file], csv=Csv(encoding=encoding))[1] == [(1, "Köln")]
    assert read([write(tmp_path, "data.jsonl", '{"a": 1, "b": "Köln"}\n'.encode(written))])[1] == [(1, "Köln")]


def test_every_file_has_its_own_encoding(tmp_path: pathlib.Path) -> None:
    encodings = ("latin-1", "utf-8", "utf-16", "ascii")
    files = [write(tmp_path, f"{name}.csv", f"a,b\n{name},Köl\n".encode(name, "replace")) for name in encodings]
    texts = ["Köl", "Köl", "Köl", "K?l"]
    assert [row[1] for row in read(files, csv=Csv(encoding="latin-1"))[1]] == texts


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"a,b\n1,K\xf6ln\n", "utf-16", "is neither UTF-8 nor utf-16: it has no byte-order mark"),
        (b"a,b\n1,K\xf6ln\n", None, "line 2: it is not UTF-8: byte 0xf6"),
        (b"a,b\n1,x\n", "utf-17", "The encoding 'utf-17' is not known"),
        (b"\xff\xfea\0,\0b\0\n\0x", None, "is not in the encoding utf-16: .*truncated data. Write"),
    ],
)
def test_encodings_that_do_not_fit(tmp_path: pathlib.Path, content: bytes, encoding: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read([write(tmp_path, "data.csv", content)], csv=Csv(encoding=encoding))


@pytest.mark.parametrize(
    "text",
    [
        "age, work, pay\n39, State-gov, <=50K\n50, , >50K\n",
        "age, work, pay\n39, State-gov, <=50K\n50,  , >50K",
        "age,work,pay\r\n39, State-gov, <=50K\r\n50, , >50K\r\n",
        "age , work , pay\n39 , State-gov , <=50K\n50 , , >50K\n",
        'age, work, pay\n39, "State-gov", <=50K\n50, , ">50K"\n',
        "age;   work;   pay\n 39;  State-gov;  <=50K\n 50;; >50K\n",
        "age,work,pay\n39,State-gov,<=50K\n50,,>50K\n",
    ],
)
def test_blanks_beside_delimiters_are_taken_away(tmp_path: pathlib.Path, text: str) -> None:
    source, rows = read([write(tmp_path, "data.csv", text)])
    assert rows == [(39, "State-gov", "<=50K"), (50, None, ">50K")]
    assert source.dialect.trim == (", S" in text or "; " in text or " , " in text or ', "' in text)


def test_blanks_are_taken_away_from_null_words_and_in_all_files(tmp_path: pathlib.Path) -> None:
    files = [
        write(tmp_path, "1.csv", "a, b\n1, NA\n2, x y\n"),
        write(tmp_path, "2.csv", "a,b\n3,NA\n4, x y\n5,z\n"),
    ]
    rows = read(files, csv=Csv(nulls=("NA",)))[1]
    assert rows == [(1, None), (2, "x y"), (3, None), (4, "x y"), (5, "z")]


def test_a_blank_in_some_fields_belongs_to_the_value(tmp_path: pathlib.Path) -> None:
    source, rows = read([write(tmp_path, "data.csv", "a,b\n1, x\n2,y\n")])
    assert (source.dialect.trim, rows) == (False, [(1, " x"), (2, "y")])


def test_compressed_files(tmp_path: pathlib.Path) -> None:
    text = b"a,b\n1,x\n"
    assert read([write(tmp_path, "a.csv.gz", gzip.compress(text))])[1] == [(1, "x")]
    assert read([write(tmp_path, "a.csv.zst", pa.compress(text, "zstd", asbytes=True))])[1] == [(1, "x")]
    with pytest.raises(UserError, match="cannot be read to its end"):
        read([write(tmp_path, "cut.csv.gz", gzip.compress(text * 1000)[:-20])])


@pytest.mark.parametrize(
    ("values", "column_type"),
    [
        (["1", "-2", "+3"], "BIGINT"),
        (["1", "2.5"], "DOUBLE"),
        (["1e5", "2"], "DOUBLE"),
        (["1", "9223372036854775808"], "VARCHAR"),  # as a number it would lose digits
        (["01234", "99999"], "VARCHAR"),  # as a number it would lose the zero
        (["0", "0.5"], "DOUBLE"),
        (["1", "NA", "?", "", "n/a"], "BIGINT"),
        (["NA", "none"], "VARCHAR"),
        (["true", "False", "NA"], "BOOLEAN"),
        (["yes", "no"], "VARCHAR"),
        (["0x1F", "1_000"], "VARCHAR"),
        (["inf", "1"], "VARCHAR"),
        (["2024-02-29", "2024-01-01"], "DATE"),
        (["2024-02-29", "2024-01-01 10:00:00"], "TIMESTAMP"),
        (["2024-02-29T10:00:00Z", "2024-01-01 10:00:00+02"], "TIMESTAMP"),
        (["2024-01-01 10:00:00.123456789"], "TIMESTAMP_NS"),
        (["31.12.2024", "01.02.2024"], "TIMESTAMP"),
        (["12/31/2024 01:00 PM", "01/02/2024 02:30 AM"], "TIMESTAMP"),
        (["1/2/2024", "2/1/2024"], "VARCHAR"),  # day and month must not be guessed
        (["10:00", "11:30"], "VARCHAR"),
        (["", ""], "VARCHAR"),
    ],
)
def test_types_of_csv_columns(tmp_path: pathlib.Path, values: list[str], column_type: str) -> None:
    text = "a,b\n" + "".join(f"{value},x\n" for value in values)
    assert ingest.discover(Data(files=(write(tmp_path, "data.csv", text),))).columns[0].type == column_type


def test_types_are_decided_on_all_rows(tmp_path: pathlib.Path) -> None:
    text = "a,b\n" + "".join(f"{row},\n" for row in range(25_000)) + "3.5,7\n"
    source, rows = read([write(tmp_path, "data.csv", text)])
    assert [column.type for column in source.columns] == ["DOUBLE", "BIGINT"]
    assert rows[-1] == (3.5, 7)


def test_a_stray_text_is_named_with_its_line(tmp_path: pathlib.Path) -> None:
    text = "a,b\n" + "".join(f'{row},"x\ny"\n' for row in range(25_000)) + "zz,x\n"
    file = write(tmp_path, "data.csv", text)
    found = r"data\.csv, line 50,002: column .a. has the value .zz., and .* `features: {a: {type: text}}`"
    with pytest.raises(UserError, match=found):
        read([file])
    source, rows = read([file], on_bad_rows="quarantine")
    assert len(rows) == 25_000
    (reject,) = ingest.open_table(ingest.connect(), source).rejects()
    assert (reject.line, reject.reason, reject.text) == (50_002, "column 'a' is not a whole number of 64 bits", "zz,x")
    assert read([file], types={"a": "VARCHAR"})[1][-1] == ("zz", "x")
    assert read([file], csv={"nulls": ["zz"]})[1][-1] == (None, "x")


def test_offsets_of_timestamps_count(tmp_path: pathlib.Path) -> None:
    text = "t,d\n2024-01-01 10:00:00+02,31/12/2024\n2024-01-01T10:00:00Z,01/02/2024\n"
    _, rows = read([write(tmp_path, "data.csv", text)])
    assert [str(row[0]) for row in rows] == ["2024-01-01 08:00:00", "2024-01-01 10:00:00"]
    assert [str(row[1]) for row in rows] == ["2024-12-31 00:00:00", "2024-02-01 00:00:00"]


def test_a_date_format_and_a_decimal_comma_can_be_given(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path, "data.csv", "d;x\n1/2/2024;3,5\n2/3/2024;1,25\n")
    _, rows = read([file], csv={"date_format": "%d/%m/%Y", "decimal": ","})
    assert [(str(row[0].date()), row[1]) for row in rows] == [("2024-02-01", 3.5), ("2024-03-02", 1.25)]


def test_a_decimal_comma_is_seen_where_the_delimiter_is_another(tmp_path: pathlib.Path) -> None:
    assert read([write(tmp_path, "a.csv", "d;x\n1;3,5\n2;-1,25\n")])[1] == [(1, 3.5), (2, -1.25)]
    assert read([write(tmp_path, "b.csv", "d;x\n1.5;3,5\n2;-1,25\n")])[1] == [(1.5, 3.5), (2.0, -1.25)]
    points = write(tmp_path, "c.csv", "d;x\n1.234;3,5\n12.345.678;-1,25\n")
    assert read([points])[1] == [(1234.0, 3.5), (12345678.0, -1.25)]


def test_words_for_missing_are_of_one_column(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path, "a.csv", "n,country\nNA,NA\n1,FR\n-,?\n")  # NA is also Namibia
    assert read([file])[1] == [(None, "NA"), (1, "FR"), (None, "?")]
    assert read([file], csv={"nulls": {"country": ["?"]}})[1] == [(None, "NA"), (1, "FR"), (None, None)]
    assert read([file], csv={"nulls": ["?", "NA"]})[1] == [(None, None), (1, "FR"), (None, None)]
    numbers = write(tmp_path, "b.csv", "n,s\nunknown,unknown\n1,x\n")
    assert read([numbers], csv={"nulls": {"n": ["unknown"]}})[1] == [(None, "unknown"), (1, "x")]
    with pytest.raises(UserError, match=r"`data.csv.nulls` names the column 'm', .* Their columns: n, s"):
        read([numbers], csv={"nulls": {"m": ["unknown"]}})


def test_no_header(tmp_path: pathlib.Path) -> None:
    source, rows = read([write(tmp_path, "data.csv", "1,x\n2,y\n")], csv={"header": False})
    assert [column.name for column in source.columns] == ["column0", "column1"]
    assert rows == [(1, "x"), (2, "y")]


def test_several_files_may_have_their_columns_in_another_order(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "1.csv", "a,b\n1,x\n")
    write(tmp_path, "2.csv", "b,a\ny,2.5\n")
    source, rows = read([str(tmp_path / "*.csv")])
    assert source.columns == (Column("a", "DOUBLE"), Column("b", "VARCHAR"))
    assert rows == [(1.0, "x"), (2.5, "y")]
    write(tmp_path, "3.csv", "a,c\n3,z\n")
    with pytest.raises(UserError, match=r"3\.csv has no column 'b' and has the unknown column 'c'"):
        read([str(tmp_path / "*.csv")])


def test_json_lines(tmp_path: pathlib.Path) -> None:
    rows = [
        {"i": 1, "f": 1, "s": "01", "l": [1, 2.5], "t": "2024-01-01", "o": {"x": [1]}, "m": 1, "b": True},
        {"i": -2, "f": 2.5, "s": "2", "l": None, "m": "x"},
        {"i": None, "l": [], "big": 12345678901234567890},
    ]
    source, found = read([write(tmp_path, "data.jsonl", "\n\n".join(map(json.dumps, rows)))])
    assert {column.name: column.type for column in source.columns} == {
        "i": "BIGINT",
        "f": "DOUBLE",
        "s": "VARCHAR",
        "l": "DOUBLE[]",
        "t": "DATE",
        "o": "VARCHAR",
        "m": "VARCHAR",
        "b": "BOOLEAN",
        "big": "VARCHAR",
    }
    assert found[0][:4] == (1, 1.0, "01", [1.0, 2.5])
    assert found[0][5:8] == ('{"x":[1]}', "1", True)
    assert found[1][:4] == (-2, 2.5, "2", None)
    assert found[2] == (None, None, None, [], None, None, None, None, "12345678901234567890")


@pytest.mark.parametrize(
    "text", ['[{"a": 1, "b": "x"}, {"b": "y\\nz"}]', '\n [\n{"a": 1,\n "b": "x"},\n{"b": "y\\nz"}\n]\n']
)
def test_one_json_array(tmp_path: pathlib.Path, text: str) -> None:
    source, rows = read([write(tmp_path, "data.json", text)])
    assert rows == [(1, "x"), (None, "y\nz")]
    bad = write(tmp_path, "data.json", text.replace("1", '"one"'))
    with pytest.raises(UserError, match=rf"^{bad}, record 1: column 'a' has the value 'one'"), ingest.reading(source):
        ingest.relation(ingest.connect(), source).fetchall()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "a"], r"the column 'a' is there 2 times \(a, a\)\. Every column needs a name of its own"),
        (["a", ""], "column 2 has no name. Every column needs one: rename it"),
        (["", ""], "column 1 has no name"),
    ],
)
def test_names_of_parquet_columns(tmp_path: pathlib.Path, names: list[str], message: str) -> None:
    table = pa.Table.from_arrays([pa.array([1, 2])] * len(names), names=names)
    pq.write_table(table, tmp_path / "data.parquet")
    with pytest.raises(UserError, match=rf"data\.parquet: {message}"):
        read([str(tmp_path / "data.parquet")])


def test_a_line_that_is_no_object_is_named(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path, "data.jsonl", '{"a": 1}\n\n{"a": \n[1]\n{"a": 2}\n')
    with pytest.raises(UserError, match=r"data\.jsonl, line 3: the line is not a JSON object"):
        read([file])
    source, rows = read([file], on_bad_rows="quarantine")
    assert rows == [(1,), (2,)]
    assert [reject.line for reject in ingest.open_table(ingest.connect(), source).rejects()] == [3, 4]


def test_parquet_keeps_its_types(tmp_path: pathlib.Path) -> None:
    table = pa.table({"i": pa.array([1, None], pa.int32()), "l": [[1.5], None], "s": ["01", ""]})
    pq.write_table(table, tmp_path / "data.parquet")
    source, rows = read([str(tmp_path / "data.parquet")], query="SELECT *, i + 1 AS j FROM data WHERE i IS NOT NULL")
    assert [column.type for column in source.columns] == ["INTEGER", "DOUBLE[]", "VARCHAR"]
    assert rows == [(1, [1.5], "01", 2)]


def test_a_later_parquet_file_may_not_lose_digits(tmp_path: pathlib.Path) -> None:
    pq.write_table(pa.table({"i": [1]}), tmp_path / "data.parquet")
    source = ingest.discover(Data(files=(str(tmp_path / "data.parquet"),)))
    pq.write_table(pa.table({"i": [1.0, None]}), tmp_path / "data.parquet")
    with ingest.reading(source):
        assert ingest.relation(ingest.connect(), source).fetchall() == [(1,), (None,)]
    pq.write_table(pa.table({"i": [1.5]}), tmp_path / "data.parquet")
    with pytest.raises(UserError, match=r"column 'i' has the value '1\.5'"), ingest.reading(source):
        ingest.relation(ingest.connect(), source).fetchall()


def test_a_source_travels_as_json(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path, "data.csv", "n,d\nNA,31.12.2024\n1,\n")
    source = ingest.discover(Data(files=(file,), query="FROM data"))
    assert ingest.Source.from_json(source.to_json()) == source
    assert source.columns == (Column("n", "BIGINT"), Column("d", "TIMESTAMP", "%d.%m.%Y"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "is empty. A table with a header and rows was expected"),
        ("header.csv", "a,b\n", "has a header and no rows"),
        ("blank.csv", "\n\n", "holds only blank lines"),
        ("excel.csv", "sep=;\na;b\n1;2\n", "line 1: 'sep=;' tells Excel the delimiter, .* Delete this line"),
        ("excel.csv", '"sep=,"\r\na,b\r\n1,2\r\n', "line 1: '\"sep=,\"' tells Excel the delimiter"),
        ("title.csv", "Sales\n\na,b,c\n1,2,3\n4,5,6\n", "line 1: 'Sales' has 1 field, and the lines below have 3"),
        ("title.csv", "Sales, 2024\na;b;c\n1;2;3\n4;5;6\n", "'Sales, 2024' has .* fields?, and the lines below have 3"),
        ("title.csv", "Sales 2024\nstore,sales\nx,2.5\ny,4\n", "'Sales 2024' has 1 field, and the lines below have 2"),
        ("note.csv", "# made today\na,b\n1,2\n4,5\n", "'# made today' has 1 field, .* delete what is above"),
        ("r.csv", "a,b\nr1,1,2\nr2,3,4\n", "'a,b' has 2 fields, and the lines below have 3.* name all 3 columns"),
        ("twice.csv", "a,b,A,c,b\n1,2,3,4,5\n", r"the column 'b' is there 2 times \(b, b\)\. Every column needs"),
        ("unnamed.jsonl", '{"a": 1, "": 2}\n', "column 2 has no name. Every column needs one"),
        (
            "cut.json",
            '[{"a": 1}, {"a": 2',
            r"cannot be read as a JSON array: .*unexpected end of data\. An array",
        ),
        ("none.json", "[]", "holds no JSON object. One object on every line was expected, or one array"),
        ("mixed.json", '[{"a": 1},\n 5, {"a": 2}]', "record 2: the record is not a JSON object: '5'"),
        ("ragged.csv", "a,b,c\n1,2,3\n1,2\n4,5,6\n", r"line 3: 3 columns were expected, and there are 2: '1,2'"),
        ("wide.csv", "a,b\n1,2\n1,2,3\n", r"line 3: 2 columns were expected, and there are 3"),
        ("quote.csv", 'a,b\n1,"x"y\n2,z\n', "line 2: there is text behind the closing quote of field 2"),
        ("open.csv", 'a,b\n1,x\n2,"y\n3,z\n', 'line 3: the quote " that opens a field is never closed'),
        ("long.csv", "a,b\n1,2\n1," + "z" * 3_000_000 + "\n", "line 3: the record is longer than 2,000,000 bytes"),
        ("long_header.csv", "z" * 3_000_000, "line 1: the line is longer than 2,000,000 bytes"),
        ("not.parquet", "a,b\n1,2\n", r"is not a whole Parquet file: .*not a parquet file\. Is it cut"),
        ("not.jsonl", "a,b\n1,2\n", "holds no JSON object"),
        ("not.tfrecord", "a,b\n1,2\n" * 9, "record 1 is damaged, or this is no TFRecord file"),
        ("what.xlsx", "x", "The format of .*what.xlsx cannot be told from its name"),
    ],
)
def test_what_is_refused(tmp_path: pathlib.Path, name: str, content: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read([write(tmp_path, name, content)])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT nme FROM data", "The query fails: .*nme"),
        ("SELECT * FROM dta", "The query fails: .*dta"),
        ("SELEC", "The query is not one SELECT"),
        ("DROP TABLE data", "The query is not one SELECT"),
        ("SELECT 1; SELECT 2", "it has 2 statements"),
        ("SELECT a / 0 FROM data WHERE error('no') IS NULL", "cannot be read|The query fails"),
    ],
)
def test_queries_that_fail(tmp_path: pathlib.Path, query: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read([write(tmp_path, "data.csv", "a,name\n1,x\n")], query=query)


def test_files_that_are_not_there(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "flights.csv", "a\n1\n")
    write(tmp_path, "flights.parquet", "x")
    with pytest.raises(UserError, match=r"no file .*flihgts\.csv\. Did you mean .*flights\.csv\?"):
        ingest.expand([str(tmp_path / "flihgts.csv")])
    with pytest.raises(UserError, match=r"glob .*matches no file"):
        ingest.expand([str(tmp_path / "x*.csv")])
    with pytest.raises(UserError, match=rf"is a folder, .* such as {tmp_path}/\*\.(csv|parquet)\."):
        ingest.expand([str(tmp_path)])
    (tmp_path / "t/year=1").mkdir(parents=True)
    write(tmp_path, "t/year=1/part.jsonl.gz", "x")
    with pytest.raises(UserError, match=rf"is a folder, .* such as {tmp_path}/t/\*\*/\*\.jsonl\.gz\."):
        ingest.expand([str(tmp_path / "t")])
    pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).touch()
    with pytest.raises(UserError, match=r"\\xff\.csv' is not UTF-8\. Rename"):
        ingest.expand([str(tmp_path / "?.csv")])
    os.mkfifo(tmp_path / "pipe.csv")
    for stream in ("/dev/stdin", "/dev/null", "-", str(tmp_path / "pipe.csv")):
        with pytest.raises(UserError, match=f"{stream} is a stream, .* Write it to a file"):
            ingest.expand([stream])
    for url in ("https://example.org/data.csv", "ftp://example.org/*.parquet", "file:///data.csv"):
        with pytest.raises(UserError, match=r"is a URL, .* Download it"):
            ingest.expand([url])
    with pytest.raises(UserError, match="several formats"):
        read([str(tmp_path / "flights.*")])
    with pytest.raises(UserError, match="package 'nosuchpackage', which is not installed"):
        ingest.expand(["package:nosuchpackage/data.csv"])


def test_a_file_inside_of_a_package_is_found_without_importing_it() -> None:
    (file,) = ingest.expand(["package:tfx/types/artifact.py"])
    assert file.endswith("/tfx/types/artifact.py")


def test_the_newest_span_and_version_is_read(tmp_path: pathlib.Path) -> None:
    for name in ("span-9/v1", "span-10/v1", "span-10/v2", "span-x/v9"):
        (tmp_path / name).mkdir(parents=True)
        write(tmp_path, f"{name}/data.csv", f"a\n{name[-1]}\n")
    (file,) = ingest.expand([str(tmp_path / "span-{SPAN}/v{VERSION}/*.csv")])
    assert file == str(tmp_path / "span-10/v2/data.csv")
    for day in ("2023-12-31", "2024-01-02", "2024-01-01"):
        write(tmp_path, f"{day}.csv", "a\n1\n")
    assert ingest.expand([str(tmp_path / "{YYYY}-{MM}-{DD}.csv")]) == (str(tmp_path / "2024-01-02.csv"),)
    with pytest.raises(UserError, match="No file matches"):
        ingest.expand([str(tmp_path / "day-{SPAN}.csv")])


def test_a_window_of_the_newest_spans(tmp_path: pathlib.Path) -> None:
    for name in ("1/v1", "3/v1", "3/v2", "4/v1"):
        (tmp_path / name).mkdir(parents=True)
        write(tmp_path, f"{name}/data.csv", "a\n1\n")
    pattern = str(tmp_path / "{SPAN}/v{VERSION}/*.csv")
    found = ingest.expand([pattern], num_spans=3)
    assert [file.removeprefix(f"{tmp_path}/") for file in found] == ["3/v2/data.csv", "4/v1/data.csv"]
    for day in ("2023-12-30", "2023-12-31", "2024-01-01"):
        write(tmp_path, f"{day}.csv", "a\n1\n")
    days = ingest.expand([str(tmp_path / "{YYYY}-{MM}-{DD}.csv")], num_spans=2)
    assert [pathlib.Path(file).stem for file in days] == ["2023-12-31", "2024-01-01"]
    assert spans.label([pattern], found[0]) == ("3", "2")
    assert spans.label([str(tmp_path / "*.csv")], found[0]) == ()


@pytest.mark.parametrize(
    ("pattern", "num_spans", "message"),
    [
        ("{YYYY}-{MM}.csv", 1, r"does not say which span a file belongs to\. Write \{SPAN\}, or all of"),
        ("{SPAN}/day-{SPAN}.csv", 1, "each once"),
        ("v{VERSION}.csv", 1, "does not say which span"),
        ("{YYYY}-{MM}-{DD}.csv", 1, "2024-02-30.csv has no valid date: .* Rename the file"),
        ("day-{SPAN}.csv", 2, r"leading zeros, such as .*day-007\.csv\. Say .* as .*day-\{SPAN:3\}\.csv"),
        ("*.csv", 2, r"2 spans are asked for, and no pattern of .*\*\.csv says what a span is"),
    ],
)
def test_what_is_wrong_with_spans_is_said(tmp_path: pathlib.Path, pattern: str, num_spans: int, message: str) -> None:
    for name in ("2024-02-30.csv", "day-007.csv"):
        write(tmp_path, name, "a\n1\n")
    with pytest.raises(UserError, match=message):
        ingest.expand([str(tmp_path / pattern)], num_spans)

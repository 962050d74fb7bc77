"""Where records end: the fast scan, the slow one, and Python's own reader find the same."""

import csv
import io
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.config.sections import Csv, Data
from core.errors import UserError
from ingest.readers.csv.dialect import detect, header
from ingest.readers.csv.reader import CsvReader
from ingest.readers.csv.records import records
from ingest.readers.csv.segments import segments
from ingest.source import Dialect, Source

COMMA = Dialect()


def tables(letters: str) -> st.SearchStrategy[list[list[str]]]:
    cells = st.text(st.sampled_from(letters), max_size=6)
    return st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)
    )


def written(rows: list[list[str]], end: str, quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=end, quoting=quoting).writerows(rows)
    return stream.getvalue().encode()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables('ab",\n;é '), st.sampled_from(["\n", "\r\n"]), st.integers(1, 60), st.booleans())
def test_segments_are_the_records_whatever_their_size(
    tmp_path: pathlib.Path, rows: list[list[str]], end: str, size: int, last_end: bool
) -> None:
    names = [f"c{index}" for index in range(len(rows[0]))]
    content = written([names, *rows], end, csv.QUOTE_ALL)
    content = content if last_end else content.removesuffix(end.encode())
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    found = segments(str(file), COMMA, len(names), size)
    assert found is not None
    assert [found[0].start, found[-1].end] == [0, len(content)]
    assert [segment.end for segment in found[:-1]] == [segment.start for segment in found[1:]]
    assert sum(segment.records for segment in found) == len(rows)
    for segment in found[1:]:
        part = content[segment.start : segment.end].decode()
        assert len([row for row in csv.reader(io.StringIO(part, newline=""), strict=True) if row]) == segment.records


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables('ab",\n\r;é '), st.sampled_from(["\n", "\r\n"]))
def test_the_slow_scan_finds_the_records_that_were_written(
    tmp_path: pathlib.Path, rows: list[list[str]], end: str
) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(written(rows, end, csv.QUOTE_ALL))
    found = list(records(str(file), COMMA, len(rows[0])))
    assert [record.problem for record in found] == [None] * len(rows)
    assert [record.text for record in found] == [written([row], "", csv.QUOTE_ALL) for row in rows]
    assert found[-1].line == 1 + sum(len((record.text + b"\n").splitlines()) for record in found[:-1])


@pytest.mark.parametrize(
    "content",
    [
        b'a,b\n1,5" x\n',
        b'a,b\n1,"x"y\n',
        b"a,b\n1,x\r2,y\n",
        b"\na,b\n1,2\n",
        b"a,b\n1,\xff\n",
        b'a,b\n1,"x\n',
        b"a,b\r",
    ],
)
def test_the_fast_scan_gives_up_on_what_is_unusual(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / "data.csv").write_bytes(content)
    assert segments(str(tmp_path / "data.csv"), COMMA, 2) is None


def test_a_bad_record_does_not_take_the_next_one_with_it(tmp_path: pathlib.Path) -> None:
    content = b'a,b\n1,x\n2,"open\n3,y\n4,"z"z\n5\n6,1,2\n7,\xe9\n8,"a\nb"\n'
    (tmp_path / "data.csv").write_bytes(content)
    found = list(records(str(tmp_path / "data.csv"), COMMA, 2))
    assert [(record.line, (record.problem or "")[:20]) for record in found] == [
        (1, ""),
        (2, ""),
        (3, "there is text behind"),
        (4, ""),
        (5, "there is text behind"),
        (6, "2 columns were expec"),
        (7, "2 columns were expec"),
        (8, "it is not UTF-8: byt"),
        (9, ""),
    ]
    assert [record.text for record in found if record.problem is None] == [b"a,b", b"1,x", b"3,y", b'8,"a\nb"']


def test_a_record_that_is_too_long_is_cut_short_and_left_behind(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data.csv").write_bytes(b"a,b\n1," + b"z" * 30_000_000 + b"\n2,x\n")
    found = list(records(str(tmp_path / "data.csv"), COMMA, 2))
    assert [(record.line, len(record.text)) for record in found] == [(1, 3), (2, 1_000), (3, 3)]


def test_pieces_begin_where_records_do(tmp_path: pathlib.Path) -> None:
    rows = [[str(row), "x\ny"] for row in range(100)]
    (tmp_path / "data.csv").write_bytes(written([["a", "b"], *rows], "\n"))
    file = str(tmp_path / "data.csv")
    pieces = CsvReader().pieces(file, Source((file,), (), Data(files=(file,)), COMMA), 100)
    assert len(pieces) > 5
    assert sum(piece.rows or 0 for piece in pieces) == 100


@pytest.mark.parametrize(
    ("text", "delimiter", "names"),
    [
        ("a,b;c\n1,2;3\n", ",", ["a", "b;c"]),
        ("a;b\n1,5;2,5\n3,5;4\n", ";", ["a", "b"]),
        ('"a,1";b\n"x,2";3\n', ";", ["a,1", "b"]),
        ("one\n1\n2\n", ",", ["one"]),
        (" a , b \n1,2\n", ",", ["a", "b"]),
    ],
)
def test_delimiter_and_header(tmp_path: pathlib.Path, text: str, delimiter: str, names: list[str]) -> None:
    file = tmp_path / "data.csv"
    file.write_text(text)
    dialect = detect(str(file), Csv())
    assert (dialect.delimiter, header(str(file), dialect)) == (delimiter, names)


def test_an_unknown_encoding_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    with pytest.raises(UserError, match="encoding 'klingon' is not known"):
        detect(str(tmp_path / "data.csv"), Csv(encoding="klingon"))

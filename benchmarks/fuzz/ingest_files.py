"""Reads 10,000 generated files, damaged ones among them: each gives a clean error or the right rows.

    python benchmarks/fuzz/ingest_files.py [--cases 10000] [--first 0]

A case is generated from its number alone. The cells of intact files must be read as they were written; damaged files
must give a `UserError`, or rows and rejects that add up to an independent count. Cases run in processes of their own,
so that a crash is noticed and reported.
"""

import argparse
import collections
import contextlib
import csv
import dataclasses
import datetime
import gzip
import io
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

import pyarrow as pa
import pyarrow.parquet as pq

import ingest
from core import examples
from core.config.sections import Data, Fractions, Split
from core.errors import UserError
from ingest import work_units
from ingest.sql.payloads import default_encoding

_BATCH = 250
_SECONDS_A_BATCH = 900
_NAMES = ["a", "b c", "Größe", 'q"uote', "select", "d,e", "x" * 200, "0", "train", "f\tg"]
_TEXTS = [
    "",
    "x",
    "é",
    "a,b",
    'say "hi"',
    "line\nbreak",
    "tab\there",
    " padded ",
    "NA",
    "null",
    "true",
    "0",
    "007",
    "-",
]
_TEXTS += [
    "1e5",
    "3.5",
    "-12",
    "9223372036854775808",
    "2024-02-29",
    "2024-01-01 10:00:00",
    "1/2/2024",
    "'",
    "😀",
    ";",
    "|",
]
_TEXTS += ["12", "1", "2", "inf", "0x1F", "1_000", "\\", '""', "a;b", "#c", '5" pipe', "z" * 5_000]
Rows = list[list[str]]
ALL_IN_TRAIN = Split(fractions=Fractions(train=1 - 2e-7, eval=1e-7, test=1e-7))  # the limits round to all rows


@dataclasses.dataclass(frozen=True)
class Case:
    """A made file.

    Attributes:
        kind: what it is, for the table at the end.
        name: of the file.
        content: its bytes.
        rows: the texts that must come out, row by row, or None if the file is damaged.
        count: how many rows an independent reader finds; None where nobody knows.
    """

    kind: str
    name: str
    content: bytes
    rows: list[list[Any]] | None = None
    count: int | None = None


def make(number: int) -> Case:
    """Returns the case of a number."""
    chance = random.Random(number)
    maker: Callable[[random.Random], Case] = chance.choice(_MAKERS)
    return maker(chance)


def _table(chance: random.Random) -> tuple[list[str], Rows]:
    width = chance.choice([1, 2, 2, 3, 5, 8])
    names = chance.sample(_NAMES, width)
    pools = [chance.choices(_TEXTS, k=chance.choice([1, 3, 30])) for _ in names]
    kinds = [chance.choice(["any", "any", "int", "float", "words"]) for _ in names]
    return names, [
        [_cell(chance, kind, pool) for kind, pool in zip(kinds, pools, strict=True)]
        for _ in range(chance.choice([1, 2, 5, 20, 200]))
    ]


def _cell(chance: random.Random, kind: str, pool: list[str]) -> str:
    if kind == "int":
        return str(chance.randint(-(10**6), 10**6))
    if kind == "float":
        return repr(round(chance.gauss(0, 1000), chance.randint(0, 6)))
    return chance.choice(["red", "green", "blue"]) if kind == "words" else chance.choice(pool)


def _csv_bytes(chance: random.Random, names: list[str], rows: Rows) -> tuple[bytes, str]:
    delimiter = chance.choice(",,,;\t|")
    end = chance.choice(["\n", "\n", "\r\n"])
    stream = io.StringIO(newline="")
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    if any(set(name) & set(",;\t|") - {delimiter} for name in names):
        quoting = csv.QUOTE_ALL  # without quotes nobody could tell which of them is the delimiter
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([names, *rows])
    text = stream.getvalue()
    if chance.random() < 0.2:
        text = text.removesuffix(end)
    mark = b"\xef\xbb\xbf" if chance.random() < 0.1 else b""
    return mark + text.encode(), delimiter


def good_csv(chance: random.Random) -> Case:
    """A CSV file as people write them."""
    names, rows = _table(chance)
    content, _ = _csv_bytes(chance, names, rows)
    kept = [row for row in rows if len(names) > 1 or row != [""] or b'""' in content]
    if chance.random() < 0.1:
        return Case("good csv.gz", "data.csv.gz", gzip.compress(content), kept)
    if chance.random() < 0.1:
        return Case("good csv.zst", "data.csv.zst", pa.compress(content, "zstd", asbytes=True), kept)
    return Case("good csv", "data.csv", content, kept)


def utf16_csv(chance: random.Random) -> Case:
    """The same in UTF-16 with its mark."""
    names, rows = _table(chance)
    content, _ = _csv_bytes(chance, names, rows)
    text = content.removeprefix(b"\xef\xbb\xbf").decode()
    return Case("utf-16 csv", "data.csv", text.encode("utf-16"), rows if len(names) > 1 else None)


def broken_csv(chance: random.Random) -> Case:
    """A CSV file with bytes changed, put in or taken out, or cut."""
    names, rows = _table(chance)
    content, delimiter = _csv_bytes(chance, names, rows)
    content = _broken(chance, content)
    return Case("broken csv", "data.csv", content, count=_independent_count(content, delimiter))


def _independent_count(content: bytes, delimiter: str) -> int | None:
    """Returns the records that Python's own reader finds, if it has nothing to complain of."""
    try:
        text = content.decode("utf-8-sig")
        if "\0" in text or "\r" in text.replace("\r\n", ""):
            return None
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    regular = rows and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows)
    return len(rows) - 1 if regular else None


def _broken(chance: random.Random, content: bytes) -> bytes:
    for _ in range(chance.choice([1, 1, 2, 5, 50])):
        position = chance.randrange(len(content) + 1)
        match chance.randrange(4):
            case 0:
                content = content[:position]
            case 1:
                content = content[:position] + chance.choice(_CUTS) + content[position:]
            case 2:
                content = content[:position] + content[position + chance.choice([1, 1, 10]) :]
            case _:
                content = content[:position] + bytes([chance.randrange(256)]) + content[position + 1 :]
        content = content or b"x"
    return content


_CUTS = [b'"', b"\n", b"\r", b",", b"\0", b"\xff", b"\xe9", b'""', b'"\n', b"\r\n", b"\\", b";", "é".encode("latin-1")]


def random_bytes(chance: random.Random) -> Case:
    """Bytes."""
    suffix = chance.choice(["csv", "csv", "csv.gz", "csv.zst", "parquet", "jsonl", "tfrecord", "tfrecord.gz", "tsv"])
    content = chance.randbytes(chance.choice([1, 3, 10, 100, 1_000, 20_000]))
    if chance.random() < 0.5:
        content = bytes(byte % 96 + 32 if byte % 7 else 10 for byte in content)
    return Case(f"random {suffix}", f"data.{suffix}", content)


def cut_compressed(chance: random.Random) -> Case:
    """A compressed file that is cut or changed."""
    names, rows = _table(chance)
    content, _ = _csv_bytes(chance, names, rows)
    if chance.random() < 0.5:
        return Case("broken csv.gz", "data.csv.gz", _broken(chance, gzip.compress(content)))
    return Case("broken csv.zst", "data.csv.zst", _broken(chance, pa.compress(content, "zstd", asbytes=True)))


def huge_fields(chance: random.Random) -> Case:
    """A field around the longest that may be, in quotes or never closed."""
    field = chance.choice(["z", "y,", "\n", 'q""', "é"]) * chance.choice([100_000, 700_000, 1_100_000, 2_500_000])
    open_quote, close_quote = ('"', '"') if chance.random() < 0.7 else ('"', "") if chance.random() < 0.5 else ("", "")
    text = f"a,b\n1,{open_quote}{field}{close_quote}\n2,x\n"
    whole = open_quote == close_quote == '"' and len(field.encode()) < 1_900_000
    return Case("huge field", "data.csv", text.encode(), count=2 if whole else None)


def _parquet_table(chance: random.Random) -> pa.Table:
    rows = chance.choice([1, 10, 300])
    columns = {
        "i": pa.array([chance.choice([None, chance.randint(-(2**63), 2**63 - 1)]) for _ in range(rows)], pa.int64()),
        "f": pa.array([chance.choice([None, math.nan, chance.gauss(0, 1)]) for _ in range(rows)], pa.float32()),
        "s": pa.array([chance.choice([None, *_TEXTS]) for _ in range(rows)], pa.string()),
        "t": pa.array([datetime.datetime(2024, 1, 1) + datetime.timedelta(chance.random()) for _ in range(rows)]),
        "l": pa.array([chance.choice([None, [], [1, None], [2, 3]]) for _ in range(rows)], pa.list_(pa.int32())),
        "n": pa.nulls(rows, pa.int8()),
    }
    return pa.table({name: columns[name] for name in chance.sample(sorted(columns), chance.randint(1, 6))})


def good_parquet(chance: random.Random) -> Case:
    """A Parquet file."""
    return _parquet(chance, _parquet_table(chance))


def _parquet(chance: random.Random, table: pa.Table) -> Case:
    stream = io.BytesIO()
    pq.write_table(table, stream, compression=chance.choice(["zstd", "snappy", "none"]), row_group_size=100)
    return Case("good parquet", "data.parquet", stream.getvalue(), count=table.num_rows)


def broken_parquet(chance: random.Random) -> Case:
    """A Parquet file that is cut or changed."""
    good = good_parquet(chance)
    return Case("broken parquet", good.name, _broken(chance, good.content))


def _json_value(chance: random.Random, key: str) -> Any:
    plain = [
        chance.randint(-100, 100),
        chance.random(),
        chance.choice(_TEXTS),
        None,
        True,
        2**70,
        [1, 2],
        ["x"],
        {"y": 1},
    ]
    return chance.choice(plain) if key in "xyz" else plain[ord(key) % 4]


def good_jsonl(chance: random.Random) -> Case:
    """JSON lines with keys that come and go."""
    keys = chance.sample("abcdxyz", chance.randint(1, 5))
    objects = [
        {key: _json_value(chance, key) for key in keys if chance.random() < 0.9}
        for _ in range(chance.choice([1, 5, 100]))
    ]
    objects[0] = {key: _json_value(chance, key) for key in keys}
    end = chance.choice(["\n", "\r\n"])
    content = end.join(json.dumps(value, ensure_ascii=chance.random() < 0.5) for value in objects).encode()
    return Case("good jsonl", "data.jsonl", content + chance.choice([b"", b"\n", b"\n\n"]), count=len(objects))


def broken_jsonl(chance: random.Random) -> Case:
    """JSON lines that are cut or changed."""
    return Case("broken jsonl", "data.jsonl", _broken(chance, good_jsonl(chance).content))


def _tfrecord(chance: random.Random) -> Case:
    from tfx_bsl.coders.example_coder import RecordBatchToExamples

    from ingest.readers.tfrecord import framed

    rows = chance.choice([1, 10, 200])
    columns = {
        "i": pa.array([chance.choice([None, [chance.randint(-9, 9)]]) for _ in range(rows)], pa.large_list(pa.int64())),
        "l": pa.array([chance.choice([None, [1, 2], []]) for _ in range(rows)], pa.large_list(pa.float32())),
        "s": pa.array(
            [chance.choice([None, [b"x"], [b"\xff"]]) for _ in range(rows)], pa.large_list(pa.large_binary())
        ),
    }
    content = b"".join(map(framed, RecordBatchToExamples(pa.record_batch(columns))))
    return Case("good tfrecord", "data.tfrecord", content, count=rows)


def good_tfrecord(chance: random.Random) -> Case:
    """TFRecord of tf.Example, whose texts may be no texts."""
    case = _tfrecord(chance)
    return (
        dataclasses.replace(case, name="data.tfrecord.gz", content=gzip.compress(case.content))
        if (chance.random() < 0.5)
        else case
    )


def broken_tfrecord(chance: random.Random) -> Case:
    """The same, cut or changed."""
    case = _tfrecord(chance)
    return Case("broken tfrecord", case.name, _broken(chance, case.content))


_MAKERS = [good_csv] * 6 + [broken_csv] * 6 + [random_bytes] * 4 + [utf16_csv, cut_compressed, cut_compressed]
_MAKERS += [good_parquet, broken_parquet, broken_parquet, good_jsonl, good_jsonl, broken_jsonl, broken_jsonl]
_MAKERS += [good_tfrecord, broken_tfrecord]


def check(case: Case, folder: pathlib.Path, chance: random.Random) -> str:
    """Reads a case and returns how it ended: `rows`, `rows and rejects` or `error`.

    Raises:
        AssertionError: rows are wrong, or lost.
        Exception: anything else but a UserError.
    """
    file = folder / case.name
    file.write_bytes(case.content)
    stop = chance.random() < 0.3
    try:
        on_bad_rows = "stop" if stop else "quarantine"
        source = ingest.discover(Data(files=(str(file),), on_bad_rows=on_bad_rows, max_bad_rows=1.0, memory="200MB"))
        counts, rows = _ingest(source, folder, chance.choice([1, 50, 1_000, 1 << 30]))
    except UserError as error:
        if case.rows is not None and not _may_fail(str(error)):
            raise AssertionError(f"a good file was refused: {error}") from error
        return "error"
    written = sum(counts.splits.values())
    assert counts.read == written + counts.rejects, f"{counts.read} in, {written} out, {counts.rejects} rejects"
    if case.count is not None:
        assert counts.read == case.count, f"{counts.read} rows were read, an independent reader finds {case.count}"
    if case.rows is not None and not counts.rejects:
        _compare(source, case.rows, rows)
    return "rows and rejects" if counts.rejects else "rows"


def _may_fail(message: str) -> bool:
    """Returns whether an error is right for a file that is in order: strays, and headers of one column of spaces."""
    strays = "was expected, as in the other rows" in message
    return strays or "a header and no rows" in message


def _ingest(source: ingest.Source, folder: pathlib.Path, size: int) -> tuple[work_units.Counts, list[dict[str, Any]]]:
    encodings = {column.name: default_encoding(column.type) for column in source.columns}
    plan = work_units.Plan(source, encodings, ALL_IN_TRAIN)
    total = work_units.Counts()
    for unit in work_units.divide(source, size):
        with work_units.UnitReader(plan, unit, threads=2) as reader:
            total += reader.write(str(folder / "out"))
    tables = [pq.read_table(path) for path in examples.files(str(folder / "out" / "Split-train"))]
    return total, [row for table in tables for row in table.to_pylist()]


def _compare(source: ingest.Source, expected: Rows, found: list[dict[str, Any]]) -> None:
    assert len(expected) == len(found), f"{len(expected)} rows went in and {len(found)} came out"
    for row, (texts, values) in enumerate(zip(expected, found, strict=True)):
        for column, text in zip(source.columns, texts, strict=True):
            value, text = values[column.name], text.strip(" ") if source.dialect.trim else text
            _compare_cell(column, text, value[0] if value else None, source.dialect.nulls, row)


def _compare_cell(column: ingest.Column, text: str, value: Any, nulls: tuple[str, ...], row: int) -> None:
    what = f"row {row}, column {column.name!r} ({column.type}): {text!r} became {value!r}"
    if value is None:
        missing = text == "" or text in nulls or (column.type != "VARCHAR" and text.strip().lower() in (*_MISSING, ""))
        assert missing, what
    elif column.type == "VARCHAR":
        assert value.decode().replace("\r\n", "\n") == text, what
    elif column.type == "BIGINT":
        assert value == int(text), what
    elif column.type == "DOUBLE":
        assert math.isclose(value, float(text), rel_tol=1e-6), what


_MISSING = ("na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "?", "-", ".")


def work(first: int, cases: int) -> Iterator[tuple[int, str, str]]:
    """Yields the number, the kind and the end of each case; raises at the first that is wrong."""
    for number in range(first, first + cases):
        case = make(number)
        with tempfile.TemporaryDirectory() as folder:
            print(f"case {number}", file=sys.stderr, flush=True)
            yield number, case.kind, check(case, pathlib.Path(folder), random.Random(-number - 1))


def main() -> int:
    """Runs all cases and prints a table; returns 1 if one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--here", action="store_true", help="in this process, and stop at what goes wrong")
    arguments = parser.parse_args()
    if arguments.here:
        for _, kind, end in work(arguments.first, arguments.cases):
            print(json.dumps([kind, end]), flush=True)
        return 0
    ends: collections.Counter[tuple[str, str]] = collections.Counter()
    wrong = []
    position, last = arguments.first, arguments.first + arguments.cases
    while position < last:
        size = min(_BATCH, last - position)
        done, failure = _batch(position, size)
        ends.update(done)
        position += len(done)
        if failure is not None:
            wrong.append((position, failure))
            print(f"case {position}: {failure}", flush=True)
            position += 1
        print(f"{position - arguments.first:,} cases, {len(wrong)} wrong", file=sys.stderr, flush=True)
    _print(ends, wrong)
    return 1 if wrong else 0


def _batch(first: int, cases: int) -> tuple[list[tuple[str, str]], str | None]:
    """Returns how the cases of a process ended, and what went wrong with the next one, if anything."""
    command = [sys.executable, __file__, "--here", "--first", str(first), "--cases", str(cases)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_A_BATCH)
        output, code, errors = done.stdout, done.returncode, done.stderr
    except subprocess.TimeoutExpired as expired:
        output, code, errors = (expired.stdout or b"").decode(), 1, "it does not end"
    ends = [(kind, end) for kind, end in map(json.loads, output.splitlines())]
    return ends, None if code == 0 else f"exit code {code}: {errors.strip().splitlines()[-1]}"


def _print(ends: collections.Counter[tuple[str, str]], wrong: list[tuple[int, str]]) -> None:
    print(f"{'kind':18} {'rows':>7} {'rows and rejects':>17} {'clean error':>12}")
    for kind in sorted({kind for kind, _ in ends}):
        print(f"{kind:18} {ends[kind, 'rows']:7,} {ends[kind, 'rows and rejects']:17,} {ends[kind, 'error']:12,}")
    print(f"{ends.total():,} cases as they should be, {len(wrong)} wrong: {[number for number, _ in wrong]}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())

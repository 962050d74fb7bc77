"""Writes the same rows in every format: a new reader needs a writer here to be tested."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tfx_bsl.coders.example_coder import RecordBatchToExamples

from ingest.readers.tfrecord import framed

Rows = Sequence[Mapping[str, Any]]


def csv(rows: Rows) -> bytes:
    """Returns CSV: every value in quotes, missing values empty."""
    lines = [rows[0].keys(), *([value if value is not None else "" for value in row.values()] for row in rows)]
    return "".join(",".join(f'"{value}"' if value != "" else "" for value in line) + "\n" for line in lines).encode()


def json_lines(rows: Rows) -> bytes:
    """Returns one JSON object on every line."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: Rows) -> bytes:
    """Returns Parquet with row groups of 64 rows."""
    stream = io.BytesIO()
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    pq.write_table(table, stream, row_group_size=64)
    return stream.getvalue()


def tfrecord(rows: Rows) -> bytes:
    """Returns TFRecord of tf.Examples."""
    types = {int: pa.int64(), float: pa.float32(), str: pa.large_binary()}
    columns = {}
    for name in rows[0]:
        value_type = next(types[type(row[name])] for row in rows if row[name] is not None)
        lists = [None if row[name] is None else [row[name]] for row in rows]
        columns[name] = pa.array(lists, pa.large_list(value_type))
    return b"".join(map(framed, RecordBatchToExamples(pa.record_batch(columns))))


WRITERS: Mapping[str, Callable[[Rows], bytes]] = {
    "csv": csv,
    "jsonl": json_lines,
    "parquet": parquet,
    "tfrecord": tfrecord,
}

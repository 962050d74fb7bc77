"""Writes one column of literal values, with a label and a split, in every format and physical type."""

import datetime
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tfx_bsl.coders.example_coder import RecordBatchToExamples

from ingest.readers.tfrecord import framed

NAME = "x"


def csv(folder: pathlib.Path, values: Sequence[str], name: str = NAME) -> str:
    """Writes CSV of the texts as they are, in quotes where they have commas."""
    cells = [f'"{value}"' if "," in value else value for value in values]
    lines = [",".join([cell, *_others(row).values()]) for row, cell in enumerate(cells)]
    return _written(folder / "data.csv", [",".join([name, *_others(0)]), *lines])


def jsonl(folder: pathlib.Path, values: Sequence[Any], name: str = NAME) -> str:
    """Writes JSON lines."""
    rows = ({name: value, **_others(row)} for row, value in enumerate(values))
    return _written(folder / "data.jsonl", [json.dumps(row) for row in rows])


def parquet(folder: pathlib.Path, values: Sequence[Any], arrow_type: pa.DataType, name: str = NAME) -> str:
    """Writes Parquet of a physical type, as pandas writes it."""
    others = {other: [_others(row)[other] for row in range(len(values))] for other in _others(0)}
    path = folder / "data.parquet"
    pq.write_table(pa.table({name: pa.array(values, arrow_type), **others}), path)
    return str(path)


def tfrecord(folder: pathlib.Path, values: Sequence[Any], arrow_type: pa.DataType, name: str = NAME) -> str:
    """Writes TFRecord of tf.Example: lists of int64, float or bytes."""
    columns = {name: pa.array([None if value is None else [value] for value in values], pa.large_list(arrow_type))}
    for other in _others(0):
        texts = [[_others(row)[other].encode()] for row in range(len(values))]
        columns[other] = pa.array(texts, pa.large_list(pa.large_binary()))
    path = folder / "data.tfrecord"
    path.write_bytes(b"".join(map(framed, RecordBatchToExamples(pa.record_batch(columns)))))
    return str(path)


def moment(text: str) -> datetime.datetime:
    """Returns a moment, which is UTC unless the text has an offset."""
    return datetime.datetime.fromisoformat(text)


def _others(row: int) -> dict[str, str]:
    """Returns the other columns of a row: the label, and the name of its split."""
    return {"y": "no" if row % 2 else "yes", "s": ("train", "eval", "test")[row // 20 % 3]}


def _written(path: pathlib.Path, lines: Sequence[str]) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)

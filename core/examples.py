"""Reads and writes the payload of Examples: Parquet files of list columns, their row groups and splits.

Every column is a `large_list` of int64, float32, float64 or bytes; a null list is a missing value. Stock TFX reads such
files, and refuses `list`. A batch is a row group, so a stage holds no more than one of them in memory.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core import storage
from core.errors import UserError
from core.spec import Feature, Label, Payload

ROW_GROUP = 32_768
_CELLS = 1 << 24  # a wide table gets shorter row groups: a stage holds some of them in memory
PREDICTION = "\x1fprediction"  # the expected answers beside the rows they are for: no file has a column of that name

_VALUE_TYPES: Mapping[Payload, pa.DataType] = {
    "int": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "text": pa.large_binary(),
}


def arrow_schema(columns: Mapping[str, Payload]) -> pa.Schema:
    """Returns the Arrow schema of Examples with these columns, in this order."""
    return pa.schema([pa.field(name, pa.large_list(_VALUE_TYPES[payload])) for name, payload in columns.items()])


def rows_in_group(num_columns: int) -> int:
    """Returns how many rows a row group has: `ROW_GROUP`, or fewer in a table of more than 512 columns."""
    return max(1_024, min(ROW_GROUP, _CELLS // max(1, num_columns)))


class SplitWriter:
    """Writes one Parquet file of one split, in row groups of one size whatever it is fed: see `rows_in_group`.

    The file appears under its name when the block ends well, and never otherwise. Without a row there is no file.

    Attributes:
        rows: how many rows it was given so far.

    Example:
        with SplitWriter("Split-train/part-0.parquet", arrow_schema({"age": "int"})) as writer:
            writer.write(pa.table({"age": [[31], None]}, writer.schema))
    """

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = 0
        self._group = rows_in_group(len(schema))
        self._path = path
        self._opened = contextlib.ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._num_waiting = 0

    def __enter__(self) -> Self:
        return self

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Adds rows, which must have exactly the schema's columns and types."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        self._waiting.append(table)
        self._num_waiting += table.num_rows
        self.rows += table.num_rows
        if self._num_waiting >= self._group:
            self._flush(whole_groups=True)

    def _flush(self, whole_groups: bool) -> None:
        """Writes what waits: only whole row groups, or everything."""
        waiting = pa.concat_tables(self._waiting)
        end = self._num_waiting - self._num_waiting % self._group if whole_groups else self._num_waiting
        if self._writer is None:
            temporary = self._opened.enter_context(storage.replacing(self._path))
            self._writer = self._opened.enter_context(pq.ParquetWriter(temporary, self.schema, compression="zstd"))
        self._writer.write_table(waiting.slice(0, end), row_group_size=self._group)
        self._waiting = [waiting.slice(end)]
        self._num_waiting -= end

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._opened.__exit__(kind, error, trace)
            return
        with self._opened:
            if self._num_waiting:
                self._flush(whole_groups=False)


@dataclasses.dataclass(frozen=True)
class RowGroup:
    """A reference to some thousand rows: what Beam carries in place of rows."""

    file: str
    index: int
    rows: int


def files(split_uri: str) -> list[str]:
    """Returns the Parquet files of a split, sorted.

    Raises:
        UserError: it has TFRecord files instead.
    """
    found = sorted(str(path) for path in pathlib.Path(split_uri).glob("*.parquet"))
    if not found and record_files(split_uri):
        raise UserError(
            f"{split_uri} holds TFRecord files, and Parquet was expected. Copy the Examples by "
            f"`python -m components.tf_examples {pathlib.Path(split_uri).parent} NEW_FOLDER`, or give the files to a "
            "run of their own."
        )
    return found


def record_files(split_uri: str) -> list[str]:
    """Returns the TFRecord files of a split, named as TFX's components name them, sorted."""
    return sorted(str(path) for path in pathlib.Path(split_uri).glob("*tfrecord*"))


def row_groups(split_uri: str) -> list[RowGroup]:
    """Returns all row groups of a split, in the order of its rows."""
    metadata = {file: pq.read_metadata(file) for file in files(split_uri)}
    return [
        RowGroup(file, index, found.row_group(index).num_rows)
        for file, found in metadata.items()
        for index in range(found.num_row_groups)
    ]


def read(row_group: RowGroup, columns: Sequence[str] | None = None) -> pa.RecordBatch:
    """Returns the rows of a row group, with all columns or those named, in the order in which they are named."""
    with pq.ParquetFile(row_group.file) as file:
        table = file.read_row_group(row_group.index, columns=columns and list(columns))
    (batch,) = (table if columns is None else table.select(list(columns))).combine_chunks().to_batches()
    return batch


def num_rows(split_uri: str) -> int:
    """Returns how many rows a split has."""
    return sum(pq.read_metadata(file).num_rows for file in files(split_uri))


def sample(split_uri: str, most: int) -> bytes:
    """Returns a Parquet file of at most `most` rows of a split, drawn at random and always the same ones.

    Returns:
        The content of the file; empty where the split has no rows.
    """
    groups = row_groups(split_uri)
    total = sum(group.rows for group in groups)
    chosen = np.sort(np.random.default_rng(0).permutation(total)[:most])
    parts, first = [], 0
    for group in groups:
        places = chosen[(chosen >= first) & (chosen < first + group.rows)] - first
        if len(places):
            parts.append(pa.Table.from_batches([read(group)]).take(places))
        first += group.rows
    if not parts:
        return b""
    file = pa.BufferOutputStream()
    pq.write_table(pa.concat_tables(parts), file, compression="zstd")
    return bytes(file.getvalue())


def dense(batch: pa.RecordBatch, spec_features: Sequence[Feature]) -> dict[str, np.ndarray]:
    """Returns the features as the `predict` signature takes them.

    Returns:
        Numbers as float64[batch] with NaN for missing, text as object[batch] of bytes with b"" for missing; a repeated
        feature as [batch, longest], padded with the same. Numbers that requests write as texts are longdouble[batch],
        which holds every int64: `models.serving.served_model` makes texts of them.
    """
    return {feature.name: _dense_column(batch.column(feature.name), feature) for feature in spec_features}


def _dense_column(column: pa.LargeListArray, feature: Feature) -> np.ndarray:
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))  # int64[batch]
    values = np.asarray(column.flatten().to_numpy(zero_copy_only=False))  # [number of values]
    width = max(1, int(lengths.max(initial=0))) if feature.repeated else 1
    shape = (len(column), width)
    numbers = np.longdouble if feature.written else np.float64
    result = np.full(shape, b"", object) if feature.payload == "text" else np.full(shape, np.nan, numbers)
    if not feature.repeated and len(values) != np.count_nonzero(lengths):
        raise UserError(
            f"Feature {feature.name!r} has rows with several values, and one value a row was expected. "
            f"Write `features: {{{feature.name}: {{kind: {feature.kind}, repeated: true}}}}` in the configuration."
        )
    result[np.arange(width) < lengths[:, None]] = values
    return result if feature.repeated else result[:, 0]


def label_values(batch: pa.RecordBatch, label: Label) -> np.ndarray:
    """Returns what is to be predicted.

    Returns:
        int64[batch], the index of the row's class; or for regression float64[batch].

    Raises:
        UserError: a row has no label, or a class that is not among `label.classes`.
    """
    column = batch.column(label.name)
    values = column.flatten()
    if len(values) != len(column) or column.null_count:
        raise UserError(
            f"Label {label.name!r} is missing in some rows, or has several values. Every row needs one: leave the "
            f"others out by `data: {{query: SELECT * FROM data WHERE {label.name} IS NOT NULL}}`."
        )
    if label.task == "regression":
        numbers = np.asarray(values.cast(pa.float64(), safe=False))
        if not np.isfinite(numbers).all():
            raise UserError(
                f"Label {label.name!r} is not a finite number in some rows, and every row needs one: leave the others "
                "out by `data: {query: ...}`."
            )
        return numbers
    indexes = pc.index_in(values, pa.array(_class_values(label), values.type))
    if indexes.null_count:
        strange = values.filter(pc.is_null(indexes))[0].as_py()
        shown = strange.decode(errors="replace") if isinstance(strange, bytes) else strange
        raise UserError(
            f"Label {label.name!r} has the class {shown!r}, and these were expected: {', '.join(label.classes)}. "
            "Add it to `classes:` in the configuration, or leave its rows out by `data: {query: ...}`."
        )
    return np.asarray(indexes).astype(np.int64)


def weight_values(batch: pa.RecordBatch, weight: str | None) -> np.ndarray:
    """Returns the weights as float64[batch]: 1 without a weight column and 0 for a missing weight."""
    if weight is None:
        return np.ones(batch.num_rows)
    column = batch.column(weight)
    result = np.zeros(batch.num_rows)
    result[np.asarray(column.is_valid())] = np.asarray(column.flatten())
    return result


def _class_values(label: Label) -> list[int | float | bytes]:
    """Returns the classes as Examples hold them."""
    parse: Mapping[Payload, Callable[[str], int | float | bytes]] = {"int": int, "float": float, "text": str.encode}
    return [parse[label.payload](name) for name in label.classes]

"""Reads TFRecord files of tf.Example as DuckDB relations, through a Parquet copy."""

import dataclasses
import mmap
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from core import storage
from core.errors import UserError
from core.text import clause
from ingest import files
from ingest.readers.base import Part, Piece, Reader, named_columns
from ingest.rejects import Reject
from ingest.source import Column, Source
from ingest.sql.connection import temporary_file
from ingest.sql.values import element_type

_BATCH_ROWS = 8_192
_BATCH_BYTES = 16 << 20
_LONGEST = 1 << 28  # bytes; a record that says it is longer is damaged
_ARROW = {"BIGINT": pa.int64(), "FLOAT": pa.float32(), "VARCHAR": pa.large_binary(), "BLOB": pa.large_binary()}


@dataclasses.dataclass(frozen=True)
class _Batch:
    first: int  # number of its first record in the file, from 1
    records: list[bytes]


class TFRecordReader(Reader):
    """Reads TFRecord files, plain or compressed, whose records are tf.Examples and whose features are the columns."""

    suffixes = (".tfrecord", ".tfrecords")
    optional_columns = True
    unit = "record"

    def recognizes(self, name: str) -> bool:
        """Returns whether the name is like that of TFX's own files, such as data_tfrecord-00000-of-00001.gz."""
        return "tfrecord" in name

    def columns(self, connection: duckdb.DuckDBPyConnection, source: Source) -> tuple[Column, ...]:
        """Returns the features of all records with their types."""
        return columns(source.files)

    def pieces(self, file: str, source: Source, size: int) -> list[Piece]:
        """Returns pieces of whole records; one where the file is compressed or damaged."""
        (whole,) = super().pieces(file, source, size)
        if storage.is_uri(file) or not files.is_divisible(file, size):  # a position is known only from those before
            return [whole]
        found: list[Piece] = []
        start = position = before = rows = 0
        with open(file, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            while position + 12 <= whole.size:
                position += 16 + struct.unpack_from("<Q", content, position)[0]
                rows += 1
                if position - start >= size or position == whole.size:
                    found.append(Piece(file, start, position, rows, position - start, before))
                    start, before, rows = position, before + rows, 0
        return found if position == whole.size else [whole]

    def prepare(self, connection: duckdb.DuckDBPyConnection, piece: Piece, source: Source) -> Part:
        """Returns a copy of a piece as Parquet with the source's columns; records that are no tf.Example are rejects.

        Raises:
            UserError: the file is damaged, or a feature is of another type or has more values than its column.
        """
        import pyarrow.parquet as pq

        copy, rejects, rows = temporary_file(connection, ".parquet"), list[Reject](), 0
        schema = pa.schema([(column.name, _arrow_type(column)) for column in source.columns])
        with pq.ParquetWriter(copy, schema, compression="zstd", compression_level=1) as writer:
            for batch, bad in decoded(piece, source.columns):
                rejects += bad
                rows += batch.num_rows
                values = [_values(piece.file, batch.column(column.name_in_files), column) for column in source.columns]
                writer.write_table(pa.table(values, schema=schema))
        return Part(piece, copy, tuple(schema.names), rows, rejects=tuple(rejects))


def _batches(piece: Piece) -> Iterator[_Batch]:
    """Yields the records of a piece.

    Raises:
        UserError: a checksum is wrong or the file is cut.
    """
    file = piece.file
    buffer, position, number = bytearray(), 0, piece.rows_before + 1
    between = files.between(file, piece.start, piece.end, _BATCH_BYTES)
    for block in files.blocks(file, _BATCH_BYTES) if piece.is_whole else between:
        buffer, position, first, records = buffer[position:] + block, 0, number, list[bytes]()
        while (end := _record_end(file, buffer, position, number)) is not None:
            records.append(bytes(buffer[position + 12 : end - 4]))
            position, number = end, number + 1
        for start in range(0, len(records), _BATCH_ROWS):
            yield _Batch(first + start, records[start : start + _BATCH_ROWS])
    if position < len(buffer):
        raise UserError(f"{file}: record {number:,} is cut: the file ends inside it. Make or copy it again.")


def _record_end(file: str, buffer: bytearray, position: int, number: int) -> int | None:
    """Returns where a record ends; None if the buffer does not hold all of it."""
    if len(buffer) < position + 12:
        return None
    length, check = struct.unpack_from("<QI", buffer, position)
    if _masked(bytes(buffer[position : position + 8])) != check or length > _LONGEST:
        raise UserError(
            f"{file}: record {number:,} is damaged, or this is no TFRecord file: the checksum of its length is wrong. "
            "Make or copy it again; a compressed file needs the suffix .gz."
        )
    end = position + 12 + int(length) + 4
    if len(buffer) < end:
        return None
    (check,) = struct.unpack_from("<I", buffer, end - 4)
    if _masked(bytes(buffer[position + 12 : end - 4])) != check:
        raise UserError(f"{file}: record {number:,} is damaged: its checksum is wrong. Make or copy it again.")
    return end


def framed(record: bytes) -> bytes:
    """Returns a record with its length and the checksums of both, as TFRecord files have it."""
    length = struct.pack("<Q", len(record))
    return length + struct.pack("<I", _masked(length)) + record + struct.pack("<I", _masked(record))


def _masked(data: bytes) -> int:
    """Returns the checksum that TFRecord stores: CRC-32C, rotated and with a constant added."""
    import google_crc32c

    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def columns(paths: Sequence[str]) -> tuple[Column, ...]:
    """Returns the features of all records with their types: BIGINT, FLOAT, VARCHAR, BLOB or lists of these.

    Raises:
        UserError: a feature has several types, or there is no feature.
    """
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder, found = ExamplesToRecordBatchDecoder(), dict[str, str]()
    for path in paths:
        for batch in _batches(Piece(path)):
            rows, _ = _decode(decoder, path, batch)
            for name, column in zip(rows.schema.names, rows.columns, strict=True):
                column_type = _type(column)
                if column_type:
                    column_type = _common_type(path, name, found.get(name), column_type)
                found[name] = column_type or found.get(name, "")
    if not any(found.values()):
        raise UserError(f"{paths[0]} holds no tf.Example with features. Records of tf.Example were expected.")
    named = named_columns(sorted(found))
    return tuple(dataclasses.replace(column, type=found[column.name_in_files] or "VARCHAR") for column in named)


def _type(column: pa.ListArray) -> str | None:
    """Returns the DuckDB type of a decoded column; None if it has no values."""
    if pa.types.is_null(column.type):
        return None
    values = column.flatten()
    if pa.types.is_integer(values.type):
        element = "BIGINT"
    elif pa.types.is_floating(values.type):
        element = "FLOAT"
    else:
        element = "VARCHAR" if _is_utf8(values) else "BLOB"
    longest = pc.max(pc.list_value_length(column)).as_py() or 0
    return f"{element}[]" if longest > 1 else element


def _is_utf8(values: pa.Array) -> bool:
    try:
        values.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _common_type(path: str, name: str, one: str | None, other: str) -> str:
    """Returns the type that holds the values of both."""
    if not one:
        return other
    (first, repeated), (second, also_repeated) = element_type(one), element_type(other)
    if first != second and {first, second} != {"VARCHAR", "BLOB"}:
        raise UserError(
            f"{path}: feature {name!r} is {first} in some records and {second} in others. "
            "Every feature needs one type of list: int64, float or bytes."
        )
    return ("BLOB" if first != second else first) + ("[]" if repeated or also_repeated else "")


def decoded(piece: Piece, columns: Sequence[Column]) -> Iterator[tuple[pa.RecordBatch, list[Reject]]]:
    """Yields the records of a piece as lists of values, and those that are no tf.Example with these columns.

    Raises:
        UserError: the file is damaged.
    """
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder(_schema(columns))
    for batch in _batches(piece):
        yield _decode(decoder, piece.file, batch)


def _decode(decoder: Any, file: str, batch: _Batch) -> tuple[pa.RecordBatch, list[Reject]]:
    """Returns the decoded records of a batch, and those that are not as the decoder expects.

    Raises:
        UserError: the records hold a feature as different types.
    """
    try:
        return decoder.DecodeBatch(batch.records), []
    except Exception:  # tfx-bsl raises RuntimeError or ValueError, by the damage
        good, bad = [], []
        for number, record in enumerate(batch.records, start=batch.first):
            try:
                decoder.DecodeBatch([record])
                good.append(record)
            except Exception as error:
                reason = f"the record is not the tf.Example that was expected: {clause(error)}"
                bad.append(Reject.from_bytes(file, number, reason, record, "record"))
        try:
            # It cannot decode an empty list.
            return decoder.DecodeBatch([*good, b""]).slice(0, len(good)), bad
        except Exception as error:  # each record can be decoded alone
            raise UserError(
                f"{file}: a feature is of different types in different records: {clause(error)}. Write each feature as "
                "the same one of int64_list, float_list and bytes_list, also where it is empty."
            ) from error


def _schema(columns: Sequence[Column]) -> bytes:
    """Returns the serialised schema with which tfx-bsl decodes the columns."""
    from tensorflow_metadata.proto.v0 import schema_pb2

    types = {"BIGINT": schema_pb2.INT, "FLOAT": schema_pb2.FLOAT}
    schema = schema_pb2.Schema()
    for column in columns:
        schema.feature.add(
            name=column.name_in_files, type=types.get(element_type(column.type_in_files)[0], schema_pb2.BYTES)
        )
    return bytes(schema.SerializeToString())


def _arrow_type(column: Column) -> pa.DataType:
    element, repeated = element_type(column.type_in_files)
    value_type = pa.large_string() if element == "VARCHAR" else _ARROW[element]
    return pa.large_list(value_type) if repeated else value_type


def _values(file: str, lists: pa.LargeListArray, column: Column) -> pa.Array:
    """Returns the values of a decoded column: lists, or the only value of each list."""
    arrow_type = _arrow_type(column)
    try:
        if pa.types.is_large_list(arrow_type):
            return lists.cast(arrow_type)
        lengths = pc.fill_null(pc.list_value_length(lists), 0)
        if (pc.max(lengths).as_py() or 0) > 1:
            raise UserError(
                f"{file}: feature {column.name!r} has several values in a record, and one was expected, as before. "
                f"Write `features: {{{column.name}: {{repeated: true}}}}`, or leave it out."
            )
        filled = pc.if_else(pc.equal(lengths, 0), pa.scalar([None], lists.type), lists)
        return filled.flatten().cast(arrow_type)
    except pa.ArrowInvalid as error:
        raise UserError(
            f"{file}: feature {column.name!r} holds bytes that are not UTF-8 ({clause(error)}). Write "
            f"`features: {{{column.name}: ignore}}`."
        ) from error

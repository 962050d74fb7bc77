"""Copies Examples as TFRecord files of tf.Example, and back: some stock components cannot read or write Parquet.

Example:
    write_artifact(examples, copy)  # what the stock Evaluator reads
    read_artifact(stock_examples, copy)  # what the project's stages read of CsvExampleGen
"""

import gzip
import os
import pathlib
from collections.abc import Sequence

import pyarrow as pa
from tfx import types
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from core import examples, progress, storage
from core.errors import UserError
from ingest.readers import tfrecord
from ingest.readers.base import Piece
from ingest.sql.payloads import default_encoding

_FILE = "data_tfrecord-00000-of-00001.gz"


def write(uri: str, to: str, splits: Sequence[str]) -> dict[str, int]:
    """Writes the rows of the splits at `uri` as gzipped TFRecord to `to`.

    Returns:
        How many records each split has.
    """
    encoder, rows = RecordBatchToExamplesEncoder(), dict.fromkeys(splits, 0)
    for split in splits:
        path = pathlib.Path(to) / f"Split-{split}" / _FILE
        with storage.replacing(path) as temporary, gzip.open(temporary, "wb", compresslevel=1) as stream:
            for group in examples.row_groups(os.path.join(uri, f"Split-{split}")):
                for record in encoder.encode(_without_float64(examples.read(group))):
                    stream.write(tfrecord.framed(record))
                rows[split] += group.rows
                progress.report(f"{rows[split]:,} {split} rows as tf.Example")
    return rows


def _without_float64(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Returns rows with float32 in place of float64, which tf.Example does not have."""
    float64, float32 = pa.large_list(pa.float64()), pa.large_list(pa.float32())
    fields = [field.with_type(float32) if field.type == float64 else field for field in rows.schema]
    return rows.cast(pa.schema(fields))


def read(uri: str, to: str, splits: Sequence[str]) -> dict[str, int]:
    """Writes the records of the splits at `uri`, TFRecord files, as Parquet to `to`.

    Returns:
        How many rows each split has.

    Raises:
        UserError: a file is damaged, or a record is no tf.Example like the others.
    """
    files = {split: examples.record_files(os.path.join(uri, f"Split-{split}")) for split in splits}
    columns = tfrecord.columns([file for path in files.values() for file in path])
    schema = examples.arrow_schema({column.name: default_encoding(column.type).payload for column in columns})
    rows = dict.fromkeys(splits, 0)
    for split in splits:
        path = os.path.join(to, f"Split-{split}", "part-00000.parquet")
        with examples.SplitWriter(path, schema) as writer:
            for file in files[split]:
                for decoded, rejects in tfrecord.decoded(Piece(file), columns):
                    if rejects:
                        raise UserError(f"{rejects[0]}. Take the record out, or make the file again.")
                    lists = [decoded.column(name).cast(schema.field(name).type) for name in schema.names]
                    writer.write(pa.record_batch(lists, schema=schema))
                    rows[split] = writer.rows
                    progress.report(f"{writer.rows:,} {split} rows as Parquet")
    return rows


def write_artifact(source: types.Artifact, copy: types.Artifact) -> None:
    """Makes an Examples artifact a copy of one with Parquet files, as every stock component reads it."""
    write(source.uri, copy.uri, artifact_utils.decode_split_names(source.split_names))
    _describe(source, copy, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE, "tfrecords_gzip")


def read_artifact(source: types.Artifact, copy: types.Artifact) -> None:
    """Makes an Examples artifact a copy, as the project's stages read it, of one with TFRecord files.

    Raises:
        UserError: a file is damaged, or a record is no tf.Example like the others.
    """
    read(source.uri, copy.uri, artifact_utils.decode_split_names(source.split_names))
    _describe(source, copy, example_gen_pb2.PayloadFormat.FORMAT_PARQUET, "FILE_FORMAT_PARQUET")


def _describe(source: types.Artifact, copy: types.Artifact, payload: int, file_format: str) -> None:
    copy.split_names = source.split_names
    copy.span = source.span
    examples_utils.set_payload_format(copy, payload)
    examples_utils.set_file_format(copy, file_format)

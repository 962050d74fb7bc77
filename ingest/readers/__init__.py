"""Registers the readers by the names that `data: {format: ...}` takes; docs/adding/reader.md says how to add one."""

from ingest.readers.base import Reader
from ingest.readers.csv.reader import CsvReader
from ingest.readers.json_lines import JsonLinesReader
from ingest.readers.parquet import ParquetReader
from ingest.readers.tfrecord import TFRecordReader

READERS: dict[str, Reader] = {
    "csv": CsvReader(),
    "parquet": ParquetReader(),
    "jsonl": JsonLinesReader(),
    "tfrecord": TFRecordReader(),
}

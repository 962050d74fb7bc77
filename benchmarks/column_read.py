"""Counts the bytes that move when one column of a Parquet file in an object store is read.

    python benchmarks/column_read.py [--gigabytes 1] [--store s3]

The store is a server on this machine, and a proxy before it counts. The file has 25 columns of random whole numbers,
which are not compressed: a column has 4 % of its bytes.
"""

import argparse
import pathlib
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core import storage
from ingest.sql.connection import connect, mount
from tests import object_stores

COLUMNS = [f"column_{number}" for number in range(25)]
ROW_GROUP = 1_000_000


def write(file: pathlib.Path, size: float) -> int:
    """Writes a table of about so many bytes; returns its rows."""
    generator = np.random.default_rng(0)
    groups = max(1, round(size / (8 * len(COLUMNS) * ROW_GROUP)))
    schema = pa.schema([(name, pa.int64()) for name in COLUMNS])
    with pq.ParquetWriter(file, schema, use_dictionary=False, compression="none") as writer:
        for _ in range(groups):
            numbers = generator.integers(0, 1 << 60, (len(COLUMNS), ROW_GROUP))
            writer.write_table(pa.table(dict(zip(COLUMNS, numbers, strict=True)), schema))
    return groups * ROW_GROUP


def main() -> None:
    """Runs the benchmark and prints what moved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=1.0, help="the size of the file (default: 1)")
    parser.add_argument("--store", choices=["s3", "gs"], default="s3", help="the protocol (default: s3)")
    arguments = parser.parse_args()
    uri = f"{arguments.store}://bucket/wide.parquet"
    with tempfile.TemporaryDirectory() as folder, object_stores.store(arguments.store) as store:
        file = pathlib.Path(folder) / "wide.parquet"
        rows = write(file, arguments.gigabytes * 1e9)
        storage.upload(file, uri)
        with connect() as connection:
            mount(connection, [uri])
            before = store.received
            connection.execute(f"SELECT sum({COLUMNS[1]}) FROM read_parquet('{uri}')").fetchone()
    moved, column = store.received - before, 8 * rows
    print(f"{rows:,} rows x {len(COLUMNS)} columns, {8 * rows * len(COLUMNS):,} bytes in {uri}")
    print(f"One column has {column:,} bytes; {moved:,} bytes moved, {100 * (moved / column - 1):.1f} % more.")


if __name__ == "__main__":
    main()

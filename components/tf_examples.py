"""Examples as TFRecord files of tf.Example, for stock components that cannot read Parquet.

    python -m components.tf_examples EXAMPLES_FOLDER NEW_FOLDER

Example:
    write(examples_artifact.uri, copy.uri, ["train", "eval", "test"])
"""

import argparse
import gzip
import os
import pathlib
from collections.abc import Sequence

from tfx import types
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from components.sources.tfrecord_table import framed
from models import examples, progress

_FILE = "data_tfrecord-00000-of-00001.gz"


def write(uri: str, to: str, splits: Sequence[str]) -> dict[str, int]:
    """Writes the rows of the splits at `uri` as gzipped TFRecord to `to`.

    Returns:
        How many records each split has.
    """
    encoder, rows = RecordBatchToExamplesEncoder(), dict.fromkeys(splits, 0)
    for split in splits:
        folder = pathlib.Path(to) / f"Split-{split}"
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{_FILE}.tmp"
        with gzip.open(temporary, "wb", compresslevel=1) as stream:
            for group in examples.row_groups(os.path.join(uri, f"Split-{split}")):
                for record in encoder.encode(examples.read(group)):
                    stream.write(framed(record))
                rows[split] += group.rows
                progress.report(f"{rows[split]:,} {split} rows as tf.Example")
        temporary.replace(folder / _FILE)
    return rows


def write_artifact(source: types.Artifact, copy: types.Artifact) -> None:
    """Makes an Examples artifact a copy of ours in the format that every stock component reads."""
    write(source.uri, copy.uri, artifact_utils.decode_split_names(source.split_names))
    copy.split_names = source.split_names
    copy.span = source.span
    examples_utils.set_payload_format(copy, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(copy, "tfrecords_gzip")


def main() -> None:
    """Copies a folder with splits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", help="a folder with Split-NAME/*.parquet")
    parser.add_argument("to", help="a new folder")
    arguments = parser.parse_args()
    splits = sorted(each.name.removeprefix("Split-") for each in pathlib.Path(arguments.examples).glob("Split-*"))
    for split, rows in write(arguments.examples, arguments.to, splits).items():
        print(f"{split}: {rows:,} records")


if __name__ == "__main__":
    main()

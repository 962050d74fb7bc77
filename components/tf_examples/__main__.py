"""Copies the Examples in a folder as TFRecord where they are Parquet, and as Parquet where they are TFRecord.

python -m components.tf_examples EXAMPLES_FOLDER NEW_FOLDER
"""

import argparse
import pathlib
import sys

from components.tf_examples import conversion
from core.errors import UserError


def main() -> None:
    """Copies a folder with splits."""
    parser = argparse.ArgumentParser("components.tf_examples", description=str(__doc__).splitlines()[0])
    parser.add_argument("examples", help="a folder with Split-NAME/*.parquet, or with TFRecord files in such folders")
    parser.add_argument("to", help="a new folder")
    arguments = parser.parse_args()
    folders = sorted(pathlib.Path(arguments.examples).glob("Split-*"))
    if not folders:
        parser.error(f"{arguments.examples} has no folder Split-NAME. Give the folder of an Examples artifact.")
    copy = conversion.write if any(folders[0].glob("*.parquet")) else conversion.read
    copied = copy(arguments.examples, arguments.to, [folder.name.removeprefix("Split-") for folder in folders])
    for split, rows in copied.items():
        print(f"{split}: {rows:,} records")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")

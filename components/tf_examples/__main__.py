"""Copies the Examples in a folder as TFRecord or as Parquet: `python -m components.tf_examples FROM TO`."""

import sys

from components.tf_examples import conversion
from core.errors import UserError

if __name__ == "__main__":
    try:
        conversion.main()
    except UserError as error:
        sys.exit(f"error: {error}")

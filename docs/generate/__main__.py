"""Writes the generated files of the documentation: `python -m docs.generate`; with `--check`, names the stale ones."""

import argparse
import pathlib
import sys
from collections.abc import Callable

from core import storage
from docs.generate import architecture_picture, config_reference, pipeline_picture

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES: tuple[tuple[str, Callable[[], str]], ...] = (
    ("docs/pipeline.svg", pipeline_picture.picture),
    ("docs/architecture.svg", architecture_picture.picture),
    ("README.md", config_reference.readme),
    ("docs/config.schema.json", config_reference.schema_text),
)


def main() -> int:
    """Writes the files, or names the stale ones; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and exit with 1 where a file is stale")
    check = parser.parse_args().check
    stale = 0
    for name, content in FILES:
        text = content()
        path = ROOT / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if check:
            print(f"{name} is stale. Run make docs, and commit the file.", file=sys.stderr)
        else:
            storage.write_text(path, text)
            print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

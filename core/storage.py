"""Checks paths, and writes files in one step: a reader sees the previous content or the new one, never a part of it."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from core.errors import UserError


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yields the path of a temporary file in the same folder, which replaces `path` when the block ends well.

    The folder is created. Where the block raises, or writes no file, `path` stays as it was.
    """
    target = pathlib.Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if temporary.exists():
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a text file in UTF-8 in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes a value as JSON in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the mapping in a JSON file; an empty one where there is no such file or it holds something else."""
    try:
        value = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def check_path(path: str | os.PathLike[str]) -> None:
    """Raises UserError for a path that is not UTF-8, which neither SQL, JSON nor TensorFlow can hold."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"The path {os.fsencode(path)!r} is not UTF-8. Rename the file or its folder.") from None

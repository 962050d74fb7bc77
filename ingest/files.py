"""Finds the files that patterns name, and reads their bytes."""

import glob
import importlib.util
import os
import pathlib
import re
from collections.abc import Iterator, Sequence

import pyarrow as pa

from core import storage
from core.errors import UserError
from core.text import clause, near_match
from ingest import spans

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_PACKAGE = "package:"
_GLOB = "s3://BUCKET/FOLDER/*.parquet"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def compression(file: str) -> str | None:
    """Returns `gzip` or `zstd` by the file's suffix, None for a plain file."""
    return COMPRESSIONS.get(pathlib.Path(file).suffix.lower())


def expand(patterns: Sequence[str], num_spans: int = 1) -> tuple[str, ...]:
    """Returns the absolute paths of the files that the patterns name, sorted within a pattern, each file once.

    Args:
        patterns: paths, globs (`**` included), `package:NAME/path` for a file inside an installed package, or patterns
            with {SPAN}, {VERSION}, {YYYY}, {MM} and {DD}, which stand for the newest spans.
        num_spans: the number of spans to read.

    Raises:
        UserError: there is no such file, a glob matches nothing, or several spans are wanted and no pattern has any.
    """
    if num_spans > 1 and not any(map(spans.has_span, patterns)):
        raise UserError(
            f"{num_spans} spans are asked for, and no pattern of {', '.join(patterns)} says what a span is. Write "
            "{SPAN}, or {YYYY}, {MM} and {DD}, into `data: {files: ...}`, or leave `spans` out."
        )
    found: dict[str, None] = {}
    for pattern in patterns:
        _check_kind(pattern)
        path = absolute(pattern)
        for filled in spans.newest(path, num_spans) if spans.has_span(path) else [path]:
            found.update(dict.fromkeys(_matches(filled, pattern)))
    for path in found:
        storage.check_path(path)
    if not found:
        raise UserError("No data files are given. Write their path or glob as `data: {files: ...}` or `--data FILES`.")
    return tuple(found)


def _matches(path: str, pattern: str) -> list[str]:
    """Returns the files of an absolute path or glob, which the user wrote as `pattern`."""
    if os.path.isfile(path):
        return [path]
    matches = storage.glob(path)
    if not matches and storage.is_uri(path):
        what = "glob matches no object" if glob.has_magic(path) else "is no object"
        raise UserError(f"{pattern}: this {what} of its bucket. Give the URI of a file, or a glob such as {_GLOB}.")
    if not matches:
        plain = os.path.abspath(locate(pattern))
        if os.path.isdir(plain):
            raise UserError(f"{pattern} is a folder, and files were expected. Write a glob, such as {_glob_in(plain)}.")
        folder = _existing(plain)
        if not glob.has_magic(plain[len(folder) :]):
            raise UserError(f"There is no file {pattern}.{_suggestion(plain)} Give the path of a file, or a glob.")
        raise UserError(f"The glob {pattern} matches no file. Check the content of {folder}.")
    return matches


def _check_kind(pattern: str) -> None:
    """Raises UserError for a URL, and for a pipe or a device, which can be read once only."""
    if storage.is_uri(pattern):
        return
    if _URL.match(pattern):
        raise UserError(
            f"{pattern} is a URL, and files on this machine or in a bucket (s3://, minio://, gs://) are read. "
            "Download it, or mount its storage, and give the path."
        )
    path = locate(pattern)
    if pattern in ("-", "/dev/stdin") or (
        os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    ):
        raise UserError(
            f"{pattern} is a stream, and the data are read more than once. Write it to a file, such as data.csv, and "
            "give its path."
        )


def absolute(pattern: str) -> str:
    """Returns a pattern as an absolute path or glob, in which the signs of globs in the names of folders are escaped.

    The placeholders of spans stay. A path to a file is returned without escapes, and a URI as it is.
    """
    if storage.is_uri(pattern):
        return pattern
    path = os.path.abspath(locate(pattern))
    if os.path.isfile(path):
        return path
    folder = _existing(path)
    if spans.has_span(path) and any(sign in folder for sign in "*?\\"):
        raise UserError(f"TFX finds no spans in {folder}, because its path has a *, ? or backslash. Rename the folder.")
    return glob.escape(folder) + path[len(folder) :]


def _existing(path: str) -> str:
    """Returns the longest part of an absolute path that is a folder."""
    return path if os.path.isdir(path) else _existing(os.path.dirname(path))


def locate(pattern: str) -> str:
    """Returns a pattern with `~` and `package:NAME/` resolved."""
    return _inside_package(pattern) if pattern.startswith(_PACKAGE) else os.path.expanduser(pattern)


def _glob_in(folder: str) -> str:
    """Returns a glob for the files below a folder that have the suffixes of the first of them."""
    for path, _, names in os.walk(folder):
        for name in names:
            deep = "" if path == folder else "**/"
            return os.path.join(folder, f"{deep}*{''.join(pathlib.Path(name).suffixes)}")
    return os.path.join(folder, "*.csv")


def _inside_package(pattern: str) -> str:
    """Returns the path of a file inside a package, which is not imported."""
    package, _, inside = pattern.removeprefix(_PACKAGE).partition("/")
    spec = importlib.util.find_spec(package.partition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"{pattern} names the package {package!r}, which is not installed. Install it, or give a path.")
    folder = os.path.join(spec.submodule_search_locations[0], *package.split(".")[1:])
    return os.path.join(folder, inside)


def _suggestion(path: str) -> str:
    """Returns ` Did you mean ...?` where the folder has a file with a similar name, else an empty text."""
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        return f" The folder {folder} does not exist either."
    near = near_match(name, os.listdir(folder))
    return f" Did you mean {os.path.join(folder, near)}?" if near else ""


def check_readable(file: str, may_be_empty: bool = False) -> None:
    """Raises UserError where a file cannot be opened, or is empty and must not be."""
    try:
        with storage.reaching(file), storage.open_binary(file) as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}. Check its permissions.") from error
    if empty and not may_be_empty:
        raise UserError(f"{file} is empty. A table with a header and rows was expected.")


def is_divisible(file: str, size: int) -> bool:
    """Returns whether a file is not compressed and large enough for several pieces of `size` bytes."""
    return compression(file) is None and storage.size(file) >= 1.5 * size


def blocks(file: str, size: int = 1 << 23) -> Iterator[bytes]:
    """Yields a file's bytes, decompressed, at most `size` at a time.

    Raises:
        UserError: the file cannot be read or is damaged.
    """
    codec = compression(file)
    try:
        with (
            storage.reaching(file),
            storage.open_binary(file) as raw,
            raw if codec is None else pa.CompressedInputStream(raw, codec) as stream,
        ):
            while block := stream.read(size):
                yield block
    except OSError as error:
        raise UserError(
            f"{file} cannot be read to its end: {clause(error)}. Is it cut or damaged? Make or copy it again."
        ) from error


def between(file: str, start: int, end: int | None, size: int = 1 << 24) -> Iterator[bytes]:
    """Yields the bytes of a plain file from one position to another, or to its end, at most `size` at a time."""
    rest = (storage.size(file) if end is None else end) - start
    with storage.reaching(file), storage.open_binary(file) as stream:
        stream.seek(start)
        while rest > 0 and (block := stream.read(min(rest, size))):
            yield block
            rest -= len(block)

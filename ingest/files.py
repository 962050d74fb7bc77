"""From what a person writes to files that are there: globs, folders inside packages, formats."""

import difflib
import glob
import hashlib
import importlib.util
import os
import pathlib
from collections.abc import Iterator, Sequence

import pyarrow as pa

from core.errors import UserError
from ingest import spans
from ingest.source import Format

_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
}
_COMPRESSIONS = {".gz", ".zst"}
_PACKAGE = "package:"


def compression(file: str) -> str | None:
    """Returns `gzip` or `zstd` by the file's suffix, None for a plain file."""
    return {".gz": "gzip", ".zst": "zstd"}.get(pathlib.Path(file).suffix.lower())


def expand(patterns: Sequence[str], num_spans: int = 1) -> tuple[str, ...]:
    """Returns the absolute paths of the files that the patterns name, sorted within a pattern, each once.

    Args:
        patterns: paths, globs (`**` included), `package:NAME/path` for a file inside of an installed package, or
            patterns with {SPAN}, {VERSION}, {YYYY}, {MM} and {DD}, which stand for the newest spans.
        num_spans: how many of them.

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
        path = locate(pattern)
        for filled in spans.newest(path, num_spans) if spans.has_span(path) else [path]:
            found.update(dict.fromkeys(_matches(filled, pattern)))
    if not found:
        raise UserError("No data files are given. Write their path or glob as `data: {files: ...}` or `--data FILES`.")
    return tuple(found)


def _matches(path: str, pattern: str) -> list[str]:
    """Returns the files of a path or glob, which a person wrote as `pattern`."""
    if os.path.isfile(path):
        return [os.path.abspath(path)]
    if os.path.isdir(path):
        raise UserError(f"{pattern} is a folder, and files were expected. Write a glob, such as {pattern}/*.csv.")
    if not glob.has_magic(path):
        raise UserError(
            f"There is no file {pattern}.{_near(path)} Give the path of a CSV, Parquet, JSON lines or "
            "TFRecord file, or a glob."
        )
    files = sorted(os.path.abspath(each) for each in glob.glob(path, recursive=True) if os.path.isfile(each))
    if not files:
        folder = path[: path.rfind("/", 0, min(path.find(each) for each in "*?[" if each in path)) + 1] or "."
        raise UserError(f"The glob {pattern} matches no file. Look at what is in {os.path.abspath(folder)}.")
    return files


def locate(pattern: str) -> str:
    """Returns a pattern as a path or glob: `~` and `package:NAME/` resolved, placeholders of spans left in."""
    return _inside_package(pattern) if pattern.startswith(_PACKAGE) else os.path.expanduser(pattern)


def _inside_package(pattern: str) -> str:
    """Returns the path of a file inside of a package, which is found without being imported."""
    package, _, inside = pattern.removeprefix(_PACKAGE).partition("/")
    spec = importlib.util.find_spec(package.partition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"{pattern} names the package {package!r}, which is not installed. Install it, or give a path.")
    folder = os.path.join(spec.submodule_search_locations[0], *package.split(".")[1:])
    return os.path.join(folder, inside)


def _near(path: str) -> str:
    """Returns ` Did you mean ...?` when the folder holds a file of nearly that name, or nothing."""
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return f" The folder {folder} is not there either."
    matches = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean {os.path.join(folder, matches[0])}?" if matches else ""


def format_of(files: Sequence[str]) -> Format:
    """Returns the one format of the files, by their suffixes.

    Raises:
        UserError: a suffix is unknown, or there are several formats.
    """
    formats = {file: _suffix_format(file) for file in files}
    kinds = set(formats.values())
    if len(kinds) > 1:
        first = files[0]
        other = next(file for file in files if formats[file] != formats[first])
        raise UserError(
            f"The files are in several formats: {first} is {formats[first]}, {other} is {formats[other]}. "
            "One table needs one format: give the others to a run of their own, or convert them."
        )
    return kinds.pop()


def _suffix_format(file: str) -> Format:
    suffixes = [suffix.lower() for suffix in pathlib.Path(file).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    found = _FORMATS.get(suffixes[-1]) if suffixes else None
    if found is None and "tfrecord" in pathlib.Path(file).name.lower():  # such as data_tfrecord-00000-of-00001.gz
        return "tfrecord"
    if found is None:
        raise UserError(
            f"The format of {file} cannot be told from its name. Expected one of {', '.join(_FORMATS)}, with .gz or "
            ".zst behind it if compressed; or write `data: {format: csv}` (csv, parquet, jsonl or tfrecord)."
        )
    return found


def check_readable(file: str) -> None:
    """Raises UserError when a file is empty or must not be read."""
    try:
        with open(file, "rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}. Check its permissions.") from error
    if empty:
        raise UserError(f"{file} is empty. A table with a header and rows was expected.")


def blocks(file: str, size: int = 1 << 23) -> Iterator[bytes]:
    """Yields a file's bytes, decompressed, at most `size` at a time.

    Raises:
        UserError: the file cannot be read or is damaged.
    """
    kind = compression(file)
    try:
        with open(file, "rb") as raw, raw if kind is None else pa.CompressedInputStream(raw, kind) as stream:
            while block := stream.read(size):
                yield block
    except OSError as error:
        raise UserError(f"{file} cannot be read to its end: {error}. Is it cut or damaged? Make it anew.") from error


def digest(file: str) -> str:
    """Returns a digest of what a file holds."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def between(file: str, start: int, end: int | None, size: int = 1 << 24) -> Iterator[bytes]:
    """Yields the bytes of a plain file from one position to another, or to its end, at most `size` at a time."""
    rest = (os.path.getsize(file) if end is None else end) - start
    with open(file, "rb") as stream:
        stream.seek(start)
        while rest > 0 and (block := stream.read(min(rest, size))):
            yield block
            rest -= len(block)

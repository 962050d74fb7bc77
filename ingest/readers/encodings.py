"""Finds the encoding of a text file, and copies it to UTF-8.

A byte-order mark decides, then bytes that are UTF-8, and only then the encoding that was configured or remembered.
"""

import codecs

import duckdb

from core.errors import UserError
from core.text import clause
from ingest import files
from ingest.sql.connection import temporary_file

_MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def of_file(file: str, expected: str = "utf-8") -> str:
    """Returns the encoding of a file: by its mark, by its bytes where they are UTF-8 without doubt, or as expected.

    Raises:
        UserError: no codec is called `expected`, or the mark that it needs is missing.
    """
    beginning = next(files.blocks(file, 4), b"")
    marked = next((encoding for mark, encoding in _MARKS if beginning.startswith(mark)), None)
    if marked is not None:
        return marked
    if is_utf8(expected):
        return "utf-8"
    codec = codecs.lookup(expected).name
    if _must_be_utf8(file, wide=codec.startswith(("utf-16", "utf-32"))):
        return "utf-8"
    if codec in ("utf-16", "utf-32"):
        raise UserError(f"{file} is neither UTF-8 nor {expected}: it has no byte-order mark. Save it as UTF-8.")
    return expected


def is_utf8(encoding: str) -> bool:
    """Returns whether an encoding is UTF-8.

    Raises:
        UserError: there is no such encoding.
    """
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        raise UserError(
            f"The encoding {encoding!r} is not known. Write a Python codec, such as "
            "`data: {csv: {encoding: latin-1}}`."
        ) from None


def _must_be_utf8(file: str, wide: bool) -> bool:
    """Returns whether all bytes are UTF-8, and no other encoding would have written them.

    ASCII alone tells nothing, except where text in a wide encoding would have zero bytes.
    """
    decoder, is_ascii = codecs.getincrementaldecoder("utf-8")(), True
    try:
        for block in files.blocks(file):
            decoder.decode(block)
            is_ascii = is_ascii and block.isascii()
            if b"\0" in block:
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return wide or not is_ascii


def to_utf8(connection: duckdb.DuckDBPyConnection, file: str, encoding: str, suffix: str) -> str:
    """Returns the path of a copy of a file in UTF-8.

    Raises:
        UserError: the file is not in this encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    copy = temporary_file(connection, suffix)
    try:
        with open(copy, "w", encoding="utf-8", newline="") as stream:
            for block in files.blocks(file):
                stream.write(decoder.decode(block))
            stream.write(decoder.decode(b"", final=True))
    except UnicodeError as error:
        raise UserError(
            f"{file} is not in the encoding {encoding}: {clause(error)}. "
            "Write the right one as `data: {csv: {encoding: ...}}`."
        ) from None
    return copy

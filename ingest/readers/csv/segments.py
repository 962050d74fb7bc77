"""Finds where the records of a CSV file end: a fast scan with NumPy, which stops at anything irregular."""

import codecs
import dataclasses

import numpy as np

from ingest import files
from ingest.source import Dialect

MAX_RECORD = 2_000_000  # bytes; a longer record means that the file is damaged
_NEWLINE, _RETURN, _SPACE = b"\n\r "


@dataclasses.dataclass(frozen=True)
class Segment:
    """A part of a file that begins and ends where a record does, in bytes; the header is not counted as a record."""

    start: int
    end: int
    records: int


def segments(file: str, dialect: Dialect, num_columns: int, size: int | None = None) -> list[Segment] | None:
    """Returns the segments of a UTF-8 file, each of at least `size` bytes but the last; one in all if `size` is None.

    Returns None for a file that is not regular: stray quotes or carriage returns, a blank line in place of the
    header, a record of more than `MAX_RECORD` bytes.
    """
    scan = _Scan(dialect, num_columns, size)
    try:
        for block in files.blocks(file):
            scan.feed(block)
        return scan.finish()
    except _Irregular:
        return None


class _Irregular(Exception):
    """The file is not regular."""


class _Scan:
    """Follows quotes and line ends from block to block."""

    def __init__(self, dialect: Dialect, num_columns: int, size: int | None) -> None:
        self._quote = ord(dialect.quote) if dialect.quote else -1
        self._escape = ord(dialect.escape) if dialect.escape and dialect.escape != dialect.quote else -1
        self._outside = np.frombuffer(b"\n\r " + dialect.delimiter.encode(), np.uint8)
        self._header = dialect.header
        self._blank_counts = num_columns == 1  # a blank line is then a row whose only value is missing
        self._size = size
        self._tail = b""  # the record that is still open
        self._offset = 0  # position of the tail in the file
        self._start = 0  # position of the segment in the file
        self._records = 0  # number of records in the segment so far
        self._found: list[Segment] = []

    def feed(self, block: bytes) -> None:
        """Takes the next bytes of the file."""
        if self._offset == 0 and not self._tail and block.startswith(codecs.BOM_UTF8):
            block = b"   " + block[3:]
        text = self._tail + block
        array = np.frombuffer(text, np.uint8)
        newlines = np.flatnonzero(array == _NEWLINE)
        ends = (newlines[self._outside_quotes(array, newlines)] if self._quote in text else newlines) + 1
        rest = int(ends[-1]) if len(ends) else 0
        starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
        if len(text) - rest > MAX_RECORD or (ends - starts).max(initial=0) > MAX_RECORD:
            raise _Irregular
        try:
            codecs.utf_8_decode(text[:rest], "strict", True)
        except UnicodeDecodeError:
            raise _Irregular from None
        self._count(ends, self._is_record(text, array, starts, ends))
        self._tail = text[rest:]
        self._offset += rest

    def finish(self) -> list[Segment]:
        """Returns the segments; the last record needs no line end."""
        size = self._offset + len(self._tail)
        if self._tail:
            if self._tail.endswith(b"\r"):
                raise _Irregular
            self.feed(b"\n")
        if self._tail:
            raise _Irregular
        if self._offset > self._start or not self._found:
            self._found.append(Segment(self._start, size, self._records))
        last = self._found.pop()
        return [*self._found, dataclasses.replace(last, end=size)]

    def _outside_quotes(self, array: np.ndarray, newlines: np.ndarray) -> np.ndarray:
        """Returns which line ends are outside quotes, in a text that begins with a record."""
        quotes = np.flatnonzero(array == self._quote)
        if self._escape >= 0:
            quotes = self._unescaped(array, quotes)
        opening, closing = quotes[0::2], quotes[1::2]
        doubled = np.zeros(len(opening), bool)  # a doubled quote closes and opens the field again
        doubled[1:] = opening[1:] == closing[: len(opening) - 1] + 1
        opens = doubled | (opening == 0) | np.isin(array[opening - 1], self._outside)
        after = array[np.minimum(closing + 1, len(array) - 1)]
        closes = (closing == len(array) - 1) | (after == self._quote) | np.isin(after, self._outside)
        if not (opens.all() and closes.all()):
            raise _Irregular
        return np.searchsorted(quotes, newlines) % 2 == 0

    def _unescaped(self, array: np.ndarray, quotes: np.ndarray) -> np.ndarray:
        escaped = (quotes > 0) & (array[quotes - 1] == self._escape)
        if (escaped & (quotes > 1) & (array[quotes - 2] == self._escape)).any():
            raise _Irregular
        return quotes[~escaped]

    def _is_record(self, text: bytes, array: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Returns which lines are records: all but blank ones."""
        lengths = ends - starts - 1
        if b"\r" in text:
            returns = np.flatnonzero(array[:-1] == _RETURN)
            if (array[returns + 1] != _NEWLINE).any():
                raise _Irregular
            lengths = lengths - ((lengths > 0) & (array[ends - 2] == _RETURN))
            with_return = int(np.count_nonzero(array[ends - 2] == _RETURN))
            if with_return not in (0, len(ends)):
                raise _Irregular
        return np.ones(len(ends), bool) if self._blank_counts else lengths > 0

    def _count(self, ends: np.ndarray, is_record: np.ndarray) -> None:
        """Counts records, and ends every segment that is long enough."""
        if self._header and len(ends):
            if not is_record[0]:
                raise _Irregular
            is_record[0] = False
            self._header = False
        position = 0
        while self._size is not None:
            cut = int(np.searchsorted(ends, self._start + self._size - self._offset))
            if cut >= len(ends):
                break
            records = self._records + int(np.count_nonzero(is_record[position : cut + 1]))
            end = self._offset + int(ends[cut])
            self._found.append(Segment(self._start, end, records))
            self._start, self._records, position = end, 0, cut + 1
        self._records += int(np.count_nonzero(is_record[position:]))

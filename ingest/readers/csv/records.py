"""Reads the records of a CSV file one by one, slowly, and says which are bad, on which line, and why."""

import codecs
import collections
import dataclasses
from collections.abc import Iterator

from ingest import files
from ingest.readers.base import Record
from ingest.readers.csv.segments import MAX_RECORD
from ingest.source import Dialect

_BLOCK = 1 << 20
_SHOWN = 1_000  # bytes of a bad record that are kept


@dataclasses.dataclass(frozen=True)
class _Line:
    number: int
    text: bytes  # with its end
    whole: bool = True


def _lines(file: str) -> Iterator[_Line]:
    """Yields the lines of a file; a line that is too long is cut."""
    number, tail, skipping = 1, b"", False
    for block in files.blocks(file, _BLOCK):
        parts = (tail + block).splitlines(keepends=True)
        tail = b"" if parts[-1].endswith(b"\n") else parts.pop()
        for part in parts:
            yield _Line(number, part, not skipping)
            number, skipping = number + 1, False
        if len(tail) > MAX_RECORD or skipping:
            tail, skipping = tail[:_SHOWN], True
    for part in tail.splitlines(keepends=True):
        yield _Line(number, part, not skipping)
        number, skipping = number + 1, False


def records(file: str, dialect: Dialect, num_columns: int) -> Iterator[Record]:
    """Yields the records of a UTF-8 file, the header among them; blank lines count in a table of one column only."""
    lines, returned = _lines(file), collections.deque[_Line]()

    def next_line() -> _Line | None:
        return returned.popleft() if returned else next(lines, None)

    while (line := next_line()) is not None:
        text = line.text.removeprefix(codecs.BOM_UTF8) if line.number == 1 else line.text
        if num_columns > 1 and not text.strip(b"\r\n"):
            continue
        held, size = [dataclasses.replace(line, text=text)], len(text)
        fields = _Fields(dialect)
        while held[-1].whole and fields.feed(held[-1].text) and size <= MAX_RECORD:
            if (following := next_line()) is None:
                break
            held.append(following)
            size += len(following.text)
        problem = _quote_problem(held, size, fields, dialect)
        if problem is not None:
            returned.extendleft(reversed(held[1:]))
            yield Record(line.number, text.rstrip(b"\r\n")[:_SHOWN], problem)
        else:
            yield _record(held, fields.count, num_columns)


def _quote_problem(held: list[_Line], size: int, fields: "_Fields", dialect: Dialect) -> str | None:
    if not held[-1].whole or size > MAX_RECORD:
        return f"the record is longer than {MAX_RECORD:,} bytes" + (
            f"; is a quote {dialect.quote} never closed?" if len(held) > 1 else ""
        )
    if fields.problem:
        return fields.problem
    return f"the quote {dialect.quote} that opens a field is never closed" if fields.open else None


def _record(held: list[_Line], num_fields: int, num_columns: int) -> Record:
    text = b"".join(line.text for line in held)
    text = text[: -2 if text.endswith(b"\r\n") else -1 if text[-1:] in b"\r\n" else None]
    problem = None
    if num_fields != num_columns:
        problem = f"{num_columns} columns were expected, and there are {num_fields}"
    else:
        try:
            text.decode()
        except UnicodeDecodeError as error:
            problem = (
                f"it is not UTF-8: byte 0x{text[error.start]:02x} at position {error.start + 1} (for a file in another "
                "encoding, write `data: {csv: {encoding: latin-1}}`)"
            )
    return Record(held[0].number, text, problem)


class _Fields:
    """Counts the fields of one record, which may span several lines.

    Attributes:
        count: how many fields it has.
        open: whether a quoted field is still open.
        problem: what is wrong with the quotes, if anything.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._delimiter = dialect.delimiter.encode()
        self._quote = dialect.quote.encode()
        self._escape = dialect.escape.encode() if dialect.escape != dialect.quote else b""
        self.count = 1
        self.open = False
        self.problem: str | None = None

    def feed(self, line: bytes) -> bool:
        """Takes the next line and returns whether the record continues after it."""
        if not self.open and (not self._quote or self._quote not in line):
            self.count += line.count(self._delimiter)
            return False
        body = line.rstrip(b"\r\n")
        position: int | None = 0
        while position is not None and self.problem is None:
            position = self._inside(line, position) if self.open else self._field(body, position)
        return self.open and self.problem is None

    def _inside(self, line: bytes, position: int) -> int | None:
        """Returns the position after the delimiter that follows an open quoted field; None at the end of the line."""
        while (end := line.find(self._quote, position)) >= 0:
            if self._escape and line[:end].endswith(self._escape):
                position = end + 1
            elif not self._escape and line[end + 1 : end + 2] == self._quote:
                position = end + 2
            else:
                self.open = False
                return self._behind(line.rstrip(b"\r\n"), end + 1)
        return None

    def _behind(self, body: bytes, position: int) -> int | None:
        """Returns the position after the delimiter that follows a closing quote."""
        end = body.find(self._delimiter, position)
        between = body[position : end if end >= 0 else None]
        if between.strip(b" "):
            self.problem = f"there is text behind the closing quote of field {self.count}"
        return self._next(end)

    def _field(self, body: bytes, position: int) -> int | None:
        """Returns the position after the delimiter of the field that begins here, or the first inside its quotes."""
        begin = position
        while body[begin : begin + 1] == b" ":
            begin += 1
        if body[begin : begin + 1] == self._quote:
            self.open = True
            return begin + 1
        return self._next(body.find(self._delimiter, position))

    def _next(self, delimiter: int) -> int | None:
        if delimiter < 0:
            return None
        self.count += 1
        return delimiter + 1

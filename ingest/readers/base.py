"""What every format makes of its files: parts that DuckDB reads to the last row, and the rows that were put aside."""

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence

from core.errors import UserError
from ingest import files
from ingest.source import Dialect


@dataclasses.dataclass(frozen=True)
class Reject:
    """A row that was put aside.

    Attributes:
        file: where it stands.
        line: on which line it begins, counted from 1; of TFRecord files the record, counted from 1.
        reason: why it cannot be read.
        text: what stands there, at most the first thousand bytes.
    """

    file: str
    line: int
    reason: str
    text: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        unit = "record" if "tfrecord" in os.path.basename(self.file).lower() else "line"
        return f"{self.file}, {unit} {self.line:,}: {self.reason}: {shown!r}"


@dataclasses.dataclass(frozen=True)
class Piece:
    """What one worker reads of a file: all of it, or what lies between two positions where a row begins or ends.

    Attributes:
        file: its path.
        start: the first byte; in Parquet, the first row.
        end: the byte, or row, behind the last one; None for the end of the file.
        rows: how many rows that is; None where nobody counted.
        size: how many bytes of values there are in it.
        before: TFRecord only: how many records the file has before it.
    """

    file: str
    start: int = 0
    end: int | None = None
    rows: int | None = None
    size: int = 0
    before: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole file."""
        return self.start == 0 and self.end is None


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of a file in a form that DuckDB reads to the last row.

    Attributes:
        piece: what the user knows.
        path: what DuckDB reads: the file itself or a copy.
        names: the columns of `path`, in its order.
        rows: how many rows DuckDB finds there.
        dialect: CSV only: how `path` is written.
        rejects: the rows of the file that DuckDB does not see.
        original: CSV only: a file in UTF-8 with the lines that the user knows, and its dialect.
    """

    piece: Piece
    path: str
    names: tuple[str, ...]
    rows: int
    dialect: Dialect = dataclasses.field(default_factory=Dialect)
    rejects: tuple[Reject, ...] = ()
    original: tuple[str, Dialect] | None = None


def reject(file: str, line: int, reason: str, text: bytes) -> Reject:
    """Returns a reject that keeps the first thousand bytes of the text."""
    return Reject(file, line, reason, text[:1_000].decode(errors="replace"))


def num_lines_before(piece: Piece) -> int:
    """Returns how many lines the file has before the piece."""
    return sum(block.count(b"\n") for block in files.between(piece.file, 0, piece.start))


def check_names(where: str, names: Sequence[str]) -> None:
    """Raises UserError when a name is there twice, upper and lower case counting as one, or is none."""
    strange = [name for name in names if any(letter < " " and letter not in "\t\r\n" for letter in name)]
    if strange:
        raise UserError(
            f"{where}: {strange[0][:40]!r} cannot be the name of a column: it holds control characters. "
            "Names of columns were expected: is the file what its suffix says?"
        )
    counts = Counter(name.casefold() for name in names)
    twice = [name for name in names if counts[name.casefold()] > 1]
    if twice:
        times = counts[twice[0].casefold()]
        raise UserError(
            f"{where}: the column {twice[0]!r} is there {times} times ({', '.join(twice)}); upper and lower case count "
            "as one. Every column needs a name of its own: rename them."
        )

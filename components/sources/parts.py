"""What every format makes of its files: parts that DuckDB reads to the last row, and the rows that were put aside."""

import dataclasses

from components.sources.source import Dialect


@dataclasses.dataclass(frozen=True)
class Reject:
    """A row that was put aside.

    Attributes:
        file: where it stands.
        line: on which line it begins, counted from 1; in a format without lines the row, counted from 1.
        reason: why it cannot be read.
        text: what stands there, at most the first thousand bytes.
    """

    file: str
    line: int
    reason: str
    text: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        return f"{self.file}, line {self.line:,}: {self.reason}: {shown!r}"


@dataclasses.dataclass(frozen=True)
class Part:
    """A file, or a piece of one, in a form that DuckDB reads to the last row.

    Attributes:
        file: the file that the user knows.
        path: what DuckDB reads: the file itself or a copy.
        names: the columns of `path`, in its order.
        rows: how many rows DuckDB finds there.
        dialect: CSV only: how `path` is written.
        rejects: the rows of the file that DuckDB does not see.
        original: CSV only: the file, in UTF-8, whose lines the user knows, and its dialect.
    """

    file: str
    path: str
    names: tuple[str, ...]
    rows: int
    dialect: Dialect = Dialect()
    rejects: tuple[Reject, ...] = ()
    original: tuple[str, Dialect] | None = None

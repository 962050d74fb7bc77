"""Names the rows that cannot be read in messages, and writes them to Parquet files."""

import contextlib
import dataclasses
import itertools
import os
import shutil
from collections.abc import Iterable

import pyarrow as pa

from core.errors import UserError

_SCHEMA = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())])
_ROWS_AT_ONCE = 4_096


@dataclasses.dataclass(frozen=True)
class Reject:
    """A row that cannot be read.

    Attributes:
        file: the path of its file.
        line: the line on which it begins, or the number of its record, counted from 1.
        reason: why it cannot be read.
        text: its text, at most the first thousand bytes.
        unit: what `line` counts: `line` or `record`.
    """

    file: str
    line: int
    reason: str
    text: str
    unit: str = "line"

    @classmethod
    def from_bytes(cls, file: str, line: int, reason: str, content: bytes, unit: str = "line") -> "Reject":
        """Returns the reject for a row with this content."""
        return cls(file, line, reason, content[:1_000].decode(errors="replace"), unit)

    @property
    def place(self) -> str:
        """The file and the line, or the record, for messages."""
        return f"{self.file}, {self.unit} {self.line:,}"

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        return f"{self.place}: {self.reason}: {shown!r}"

    def error(self) -> UserError:
        """Returns the error for a row that must not be put aside."""
        return UserError(f"{self}. Correct the row, or put such rows aside by `data: {{on_bad_rows: quarantine}}`.")


def write(path: str, rejects: Iterable[Reject]) -> int:
    """Writes rejects as Parquet and returns their number; without rejects there is no file."""
    import pyarrow.parquet as pq  # takes half a second, and most runs have no rejects

    iterator, count = iter(rejects), 0
    with contextlib.ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        while batch := list(itertools.islice(iterator, _ROWS_AT_ONCE)):
            if writer is None:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                writer = stack.enter_context(pq.ParquetWriter(path, _SCHEMA, compression="zstd"))
            writer.write_table(pa.Table.from_pylist([dataclasses.asdict(reject) for reject in batch], schema=_SCHEMA))
            count += len(batch)
    return count


def gather(uri: str, unit: str) -> list[str]:
    """Merges the files of `uri/rejects` into `uri/rejects.parquet` and returns the texts of the first rejects.

    Args:
        uri: the artifact's folder.
        unit: what the rejects count, `line` or `record`.
    """
    import pyarrow.parquet as pq

    folder = os.path.join(uri, "rejects")
    if not os.path.isdir(folder):
        return []
    first: list[str] = []
    with pq.ParquetWriter(os.path.join(uri, "rejects.parquet"), _SCHEMA, compression="zstd") as writer:
        for part in sorted(os.listdir(folder)):
            with pq.ParquetFile(os.path.join(folder, part)) as file:
                for batch in file.iter_batches():
                    writer.write_batch(batch)
                    first = first or [str(Reject(**row, unit=unit)) for row in batch.slice(0, 3).to_pylist()]
    shutil.rmtree(folder)
    return first

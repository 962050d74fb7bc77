"""Reports the rows that two splits share: a line for the stage, and the problems that stop a run."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from components.example_validator.split_overlap import Overlap, SharedRow
from core import examples

_VALUES = 4  # values of a shared row that are shown


@dataclasses.dataclass(frozen=True)
class OverlapReport:
    """The overlap of the splits with train.

    Attributes:
        found: the shared rows.
        rows: the number of rows by split.
        columns: the columns that make two rows equal.
    """

    found: Overlap
    rows: Mapping[str, int]
    columns: tuple[str, ...]

    def line(self) -> str:
        """Returns what is added to the stage's line."""
        shares = [f"{count:,} of {self.rows[split]:,} {split}" for split, count in self.found.counts.items() if count]
        return f" · in train too: {', '.join(shares)} rows" if shares else ""

    def problems(self, limit: float | None) -> list[str]:
        """Returns the problems that stop a run if at most `limit`, a share of a split's rows, may be in train too."""
        if limit is None:
            return []
        texts = []
        for split, count in self.found.counts.items():
            if count > limit * self.rows[split]:
                rows = [self._describe(row) for row in self.found.shown if row.split == split]
                texts.append(
                    f"{split}: {count:,} of {self.rows[split]:,} rows ({count / self.rows[split]:.2%}) have the same "
                    f"features as a row of train, and at most {limit:.2%} is allowed: {'; '.join(rows)}"
                )
        return texts

    def _describe(self, shared: SharedRow) -> str:
        batch = examples.read(shared.row_group, self.columns[:_VALUES]).slice(shared.row, 1).to_pydict()
        values = ", ".join(f"{name}={_plain(values[0])}" for name, values in batch.items())
        values += ", ..." if len(self.columns) > _VALUES else ""
        row = _row_number(shared.row_group, shared.row)
        train_row = _row_number(shared.train_row_group, shared.train_row)
        return f"row {row:,} is row {train_row:,} of train ({values})"


def _row_number(row_group: examples.RowGroup, row: int) -> int:
    """Returns the place of a row in its split, from 0."""
    before = 0
    for other in examples.row_groups(os.path.dirname(row_group.file)):
        if (other.file, other.index) == (row_group.file, row_group.index):
            return before + row
        before += other.rows
    return row


def _plain(values: Sequence[Any] | None) -> str:
    if not values:
        return "missing"
    texts = [value.decode(errors="replace") if isinstance(value, bytes) else f"{value:.6g}" for value in values]
    return "/".join(texts)[:40]

"""Leaks, put into words."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from components.example_validator.split_overlap import Leak, Leaks
from core import examples

_VALUES = 4  # so many values of a leaked row are shown


@dataclasses.dataclass(frozen=True)
class LeakReport:
    """What is said of the leaks.

    Attributes:
        found: the leaks.
        rows: how many rows each split has.
        columns: the columns that make two rows equal.
    """

    found: Leaks
    rows: Mapping[str, int]
    columns: tuple[str, ...]

    def finding(self) -> str:
        """Returns what is added to the stage's finding."""
        shares = [f"{count:,} of {self.rows[split]:,} {split}" for split, count in self.found.counts.items() if count]
        return f" · in train too: {', '.join(shares)} rows" if shares else ""

    def problems(self, limit: float | None) -> list[str]:
        """Returns what stops a run when at most `limit`, a share of a split's rows, may be in train too."""
        if limit is None:
            return []
        texts = []
        for split, count in self.found.counts.items():
            if count > limit * self.rows[split]:
                rows = [self._describe(each) for each in self.found.shown if each.split == split]
                texts.append(
                    f"{split}: {count:,} of {self.rows[split]:,} rows ({count / self.rows[split]:.2%}) have the same "
                    f"features as a row of train, and at most {limit:.2%} is allowed: {'; '.join(rows)}"
                )
        return texts

    def _describe(self, leak: Leak) -> str:
        batch = examples.read(leak.row_group, self.columns[:_VALUES]).slice(leak.row, 1).to_pydict()
        values = ", ".join(f"{name}={_plain(values[0])}" for name, values in batch.items())
        values += ", ..." if len(self.columns) > _VALUES else ""
        row = _row_number(leak.row_group, leak.row)
        train_row = _row_number(leak.train_row_group, leak.train_row)
        return f"row {row:,} is row {train_row:,} of train ({values})"


def _row_number(row_group: examples.RowGroup, row: int) -> int:
    """Returns the place of a row in its split, from 0."""
    before = 0
    for each in examples.row_groups(os.path.dirname(row_group.file)):
        if (each.file, each.index) == (row_group.file, row_group.index):
            return before + row
        before += each.rows
    return row


def _plain(values: Sequence[Any] | None) -> str:
    if not values:
        return "missing"
    texts = [each.decode(errors="replace") if isinstance(each, bytes) else f"{each:.6g}" for each in values]
    return "/".join(texts)[:40]

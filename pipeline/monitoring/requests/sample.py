"""Draws rows at random from a stream of batches."""

import numpy as np
import pyarrow as pa


class Sample:
    """A sample of fixed size without replacement: the rows with the smallest random numbers.

    Attributes:
        seen: how many rows were offered.
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        """Starts without rows."""
        self.seen = 0
        self._size, self._random = size, np.random.default_rng(seed)
        self._limit = 1.0
        self._parts: list[pa.Table] = []
        self._keys: list[np.ndarray] = []

    def add(self, rows: pa.Table) -> None:
        """Offers rows."""
        keys = self._random.random(rows.num_rows)
        self.seen += rows.num_rows
        chosen = np.flatnonzero(keys < self._limit)
        self._parts.append(rows.take(chosen))
        self._keys.append(keys[chosen])
        if sum(map(len, self._keys)) > 2 * self._size:
            self._reduce()

    def _reduce(self) -> None:
        keys = np.concatenate(self._keys)
        smallest = np.sort(np.argsort(keys, kind="stable")[: self._size])
        self._parts = [pa.concat_tables(self._parts).take(smallest)]
        self._keys = [keys[smallest]]
        if len(smallest) == self._size:
            self._limit = float(self._keys[0].max())

    def rows(self) -> pa.Table | None:
        """Returns the rows, in the order in which they came; None where none came."""
        if not self._parts:
            return None
        self._reduce()
        return self._parts[0].combine_chunks()

"""Reads labels that came after the requests, by a key that both have."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

import ingest
from core import text
from core.config.sections import Data
from core.errors import UserError
from core.spec import Label
from ingest.sql import payloads


def check_key(files: Sequence[str], key: str | None) -> None:
    """Checks that labels and their key are given together.

    Raises:
        UserError: one is given without the other.
    """
    if bool(files) != bool(key):
        raise UserError("--labels and --key belong together: name the column that requests and labels have in common.")


class Labels:
    """The labels by their key.

    Attributes:
        key: the name of the key.
        rows: the number of labels.
        found: for how many of them a request was added so far.
    """

    def __init__(self, files: Sequence[str], key: str, label: Label) -> None:
        """Reads all labels.

        Raises:
            UserError: a file cannot be read, lacks the key or the label, or has several labels for one key.
        """
        source = ingest.discover(Data(files=tuple(files)))
        with ingest.connect(source.data.memory) as connection, ingest.reading(source):
            ingest.open_table(connection, source).create_views()
            types = {row[0]: row[1] for row in connection.execute("DESCRIBE source_table").fetchall()}
            for name in (key, label.name):
                if name not in types:
                    raise UserError(f"--labels {files[0]}: {text.unknown('column', name, list(types))}")
            value = payloads.encoded(label.name, types[label.name], payloads.PayloadEncoding(label.payload))
            name, by = ingest.identifier(label.name), ingest.identifier(key)
            chosen = f"SELECT {by}::VARCHAR AS key, {value} FROM source_table"
            grouped = f"SELECT key, min({name}) AS low, max({name}) AS high FROM ({chosen}) GROUP BY key"
            query = f"{grouped} HAVING low IS NOT NULL AND key IS NOT NULL ORDER BY key"
            found = connection.sql(query).to_arrow_table().combine_chunks()
        low, high = (pa.concat_arrays(found.column(name).chunks) for name in ("low", "high"))
        differing = found.filter(pc.not_equal(low, high))
        if differing.num_rows:
            raise UserError(
                f"--labels {files[0]}: {key} {differing.column('key')[0].as_py()!r} has several labels, and one was "
                "expected. Keep the newest one of each key."
            )
        self.key, self.rows, self.found = key, found.num_rows, 0
        self._keys = pa.concat_arrays(found.column("key").chunks) if found.num_rows else pa.array([], pa.string())
        self._name = label.name
        self._values = low

    def join(self, rows: pa.Table, keys: pa.Array) -> pa.Table:
        """Returns those rows that have a label, with the label as Examples hold it."""
        if isinstance(keys, pa.ChunkedArray):
            keys = keys.combine_chunks()
        places = pc.index_in(keys.cast(pa.string()), value_set=self._keys)
        known = places.is_valid()
        values = self._values.take(places.drop_null())
        self.found += len(values)
        payload = pa.large_binary() if pa.types.is_string(values.type) else values.type
        lists = pa.LargeListArray.from_arrays(pa.array(range(len(values) + 1), pa.int64()), values.cast(payload))
        return rows.filter(known).append_column(self._name, lists)

"""Rows that are made by replacing one value, written by hand."""

import numpy as np
import pyarrow as pa

from core import examples
from core.spec import Feature
from models.serving import made_rows

FEATURES = (
    Feature("age", "numeric", "float"),
    Feature("town", "categorical", "text"),
    Feature("at", "timestamp", "int", unit="s", written="ISO 8601"),
    Feature("flag", "categorical", "int", written="true or false"),
    Feature("tags", "categorical", "int", repeated=True),
)
COLUMNS = {"age": "float", "town": "text", "at": "int", "flag": "int", "tags": "int"}
ROWS = {
    "age": [[20.0], [30.0], None],
    "town": [[b"Bonn"], [b"Bonn"], [b"Kiel"]],
    "at": [[0], [100], [200]],
    "flag": [[0], [0], [1]],
    "tags": [[3], None, [1, 2]],
}


def test_each_feature_gets_missing_unknown_extreme_and_frequent_values():
    (rows,) = pa.table(ROWS, examples.arrow_schema(COLUMNS)).to_batches()
    found = made_rows.add(rows, FEATURES, [0, 2])
    assert found.slice(0, 3).select(rows.schema.names).equals(rows)
    marks = made_rows.marks(found)
    assert sorted(marks) == list(range(3, found.num_rows))
    values: dict[str, list] = {}
    for row, (base, name) in marks.items():
        others = [other for other in ROWS if other != name]
        assert found.slice(row, 1).select(others).equals(rows.slice(base, 1).select(others))
        if base == 0:
            values.setdefault(name, []).append(found.column(name)[row].as_py())
    assert values == {
        "age": [None, [40.0], [10.0], [20.0], [30.0]],
        "town": [None, ["völlig neu ✓".encode()], [b"Bonn"], [b"Kiel"]],
        "at": [None, [-1], [0], [100], [200]],
        "flag": [None, [0], [1]],
        "tags": [None, [3], [1, 2]],
    }


def test_a_column_without_a_value_stays_missing():
    (rows,) = pa.table({"age": [None, None]}, examples.arrow_schema({"age": "float"})).to_batches()
    assert made_rows.add(rows, FEATURES[:1], [0, 1]).column("age").null_count == 4


def test_rows_are_made_of_the_least_certain_ones():
    assert made_rows.bases(np.array([[0.9, 0.1], [0.5, 0.5], [0.3, 0.7]])) == [1, 2]
    assert made_rows.bases(np.array([3.0, 1.0, 2.0])) == [0, 1]

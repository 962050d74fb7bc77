"""Tests the reading and writing of row groups, dense features and labels."""

import math
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import examples
from core.errors import UserError
from core.spec import Feature, Label

SCHEMA = examples.arrow_schema({"age": "int", "height": "float", "name": "text"})
ROWS = pa.table(
    {"age": [[31], None, [2**60]], "height": [[1.5], [2.5], None], "name": [[b"ann"], [b""], None]}, schema=SCHEMA
)


def write(path: pathlib.Path, *tables: pa.Table) -> None:
    with examples.SplitWriter(str(path), tables[0].schema) as writer:
        for table in tables:
            writer.write(table)


def test_schema_is_large_lists_of_three_types() -> None:
    assert SCHEMA.types == [pa.large_list(pa.int64()), pa.large_list(pa.float32()), pa.large_list(pa.large_binary())]


def test_rows_come_back_as_written(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "a.parquet", ROWS)
    (group,) = examples.row_groups(str(tmp_path))
    assert group == examples.RowGroup(str(tmp_path / "a.parquet"), 0, 3)
    batch = examples.read(group)
    assert batch.schema.equals(SCHEMA)
    assert batch.to_pylist() == ROWS.to_pylist()
    assert examples.read(group, ["name", "age"]).schema.names == ["name", "age"]


def test_row_groups_have_one_size_whatever_is_fed(tmp_path: pathlib.Path) -> None:
    column = pa.array([[index] for index in range(70_000)], SCHEMA.field("age").type)
    table = pa.table({"age": column})
    write(tmp_path / "b.parquet", table.slice(0, 1), table.slice(1, 40_000), table.slice(40_001))
    write(tmp_path / "a.parquet", table.slice(0, 5))
    assert [(group.index, group.rows) for group in examples.row_groups(str(tmp_path))] == [
        (0, 5),
        (0, 32_768),
        (1, 32_768),
        (2, 4_464),
    ]
    assert examples.num_rows(str(tmp_path)) == 70_005
    assert pq.read_table(tmp_path / "b.parquet").column("age").combine_chunks().flatten().to_pylist() == [
        *range(70_000)
    ]


def test_row_groups_of_wide_tables_are_shorter() -> None:
    assert [examples.rows_in_group(columns) for columns in (1, 512, 2_048, 10**6)] == [32_768, 32_768, 8_192, 1_024]


def test_no_file_without_rows_or_after_an_error(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "empty.parquet", ROWS.slice(0, 0))
    with pytest.raises(ZeroDivisionError), examples.SplitWriter(str(tmp_path / "half.parquet"), SCHEMA) as writer:
        writer.write(ROWS)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_dense_is_what_predict_takes() -> None:
    features = [
        Feature("age", "numeric", "int"),
        Feature("height", "numeric", "float"),
        Feature("name", "text", "text"),
    ]
    dense = examples.dense(ROWS.to_batches()[0], features)
    np.testing.assert_array_equal(dense["age"], [31.0, np.nan, 2.0**60])
    np.testing.assert_array_equal(dense["height"], [1.5, 2.5, np.nan])
    assert dense["age"].dtype == dense["height"].dtype == np.float64
    assert dense["name"].tolist() == [b"ann", b"", b""]


def test_dense_pads_repeated_features() -> None:
    schema = examples.arrow_schema({"marks": "int", "tags": "text"})
    batch = pa.record_batch({"marks": [[1, 2], [], None], "tags": [[b"a"], None, [b"b", b"c"]]}, schema=schema)
    features = [
        Feature("marks", "numeric", "int", repeated=True),
        Feature("tags", "categorical", "text", repeated=True),
    ]
    dense = examples.dense(batch, features)
    np.testing.assert_array_equal(dense["marks"], [[1, 2], [np.nan, np.nan], [np.nan, np.nan]])
    assert dense["tags"].tolist() == [[b"a", b""], [b"", b""], [b"b", b"c"]]
    with pytest.raises(UserError, match="'marks' has rows with several values"):
        examples.dense(batch, [Feature("marks", "numeric", "int")])


def test_dense_of_no_rows() -> None:
    empty = examples.arrow_schema({"a": "int", "b": "text"}).empty_table().to_batches()
    batch = (
        empty[0] if empty else pa.RecordBatch.from_pylist([], schema=examples.arrow_schema({"a": "int", "b": "text"}))
    )
    dense = examples.dense(batch, [Feature("a", "numeric", "int"), Feature("b", "text", "text", repeated=True)])
    assert dense["a"].shape == (0,)
    assert dense["b"].shape == (0, 1)


@given(st.lists(st.none() | st.lists(st.floats(width=32, allow_nan=False), max_size=1), max_size=20), st.integers(0, 3))
def test_dense_of_a_slice_is_the_slice_of_dense(values: list[list[float] | None], start: int) -> None:
    batch = pa.record_batch([pa.array(values, pa.large_list(pa.float32()))], names=["x"])
    feature = Feature("x", "numeric", "float")
    expected = [value[0] if value else np.nan for value in values]
    np.testing.assert_array_equal(examples.dense(batch.slice(start), [feature])["x"], expected[start:])


def test_labels_are_class_indexes() -> None:
    schema = examples.arrow_schema({"kind": "text", "number": "int", "share": "float"})
    batch = pa.record_batch({"kind": [[b"b"], [b"a"]], "number": [[7], [-1]], "share": [[0.5], [1.0]]}, schema=schema)
    values = examples.label_values(batch, Label("kind", "binary", "text", ("a", "b")))
    assert (values.dtype, values.tolist()) == (np.int64, [1, 0])
    assert examples.label_values(batch, Label("number", "multiclass", "int", ("-1", "3", "7"))).tolist() == [2, 0]
    assert examples.label_values(batch, Label("share", "binary", "float", ("1.0", "0.5"))).tolist() == [1, 0]
    regression = examples.label_values(batch, Label("number", "regression", "int"))
    assert (regression.dtype, regression.tolist()) == (np.float64, [7.0, -1.0])


def test_strange_and_missing_labels_are_errors() -> None:
    batch = pa.record_batch({"kind": [[b"b"], [b"a"]]}, schema=examples.arrow_schema({"kind": "text"}))
    with pytest.raises(UserError, match="the class 'a', and these were expected: b, c"):
        examples.label_values(batch, Label("kind", "binary", "text", ("b", "c")))
    batch = pa.record_batch({"kind": [[b"b"], None]}, schema=examples.arrow_schema({"kind": "text"}))
    with pytest.raises(UserError, match="'kind' is missing in some rows"):
        examples.label_values(batch, Label("kind", "binary", "text", ("b", "c")))
    batch = pa.record_batch({"price": [[1.5], [math.inf]]}, schema=examples.arrow_schema({"price": "float"}))
    with pytest.raises(UserError, match="'price' is not a finite number in some rows"):
        examples.label_values(batch, Label("price", "regression", "float"))


def test_weights_are_one_without_a_column_and_zero_where_they_are_missing() -> None:
    batch = pa.record_batch({"w": [[2], None]}, schema=examples.arrow_schema({"w": "int"}))
    assert examples.weight_values(batch, "w").tolist() == [2.0, 0.0]
    assert examples.weight_values(batch, None).tolist() == [1.0, 1.0]

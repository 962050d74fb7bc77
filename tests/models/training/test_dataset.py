"""Examples to matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import examples
from core.errors import UserError
from core.spec import Label, Spec
from models.preprocessing.transform_graph import TransformGraph
from models.training import dataset


@pytest.fixture(scope="module")
def graph(prepared) -> TransformGraph:
    return TransformGraph(prepared.graph, prepared.spec)


def test_load_transforms_every_row(prepared, graph):
    rows = dataset.load(prepared.split, graph)
    np.testing.assert_array_equal(rows.features["numeric"], [[20, 0], [30, 0], [40, 1], [50, 0], [60, 0], [70, 0]])
    np.testing.assert_array_equal(rows.features["categorical"], [[0], [1], [0], [3], [2], [1]])
    np.testing.assert_array_equal(
        rows.features["tokens"], [[[3, 0, 0]], [[1, 2, 0]], [[2, 0, 0]], [[0, 0, 0]], [[1, 1, 3]], [[2, 0, 0]]]
    )
    np.testing.assert_array_equal(rows.labels, [0, 1, 0, 1, 1, 0])
    np.testing.assert_array_equal(rows.weights, [1, 1, 2, 1, 1, 2])
    assert {values.dtype.name for values in rows.features.values()} == {"float32", "int32"}


def test_without_memory_the_same_rows_lie_in_a_file_without_a_name(prepared, graph, tmp_path):
    in_memory = dataset.load(prepared.split, graph)
    on_disk = dataset.load(prepared.split, graph, allocator=dataset.ArrayAllocator(0, str(tmp_path)))
    for kind, values in in_memory.features.items():
        assert isinstance(on_disk.features[kind], np.memmap)
        np.testing.assert_array_equal(on_disk.features[kind], values)
    assert list(tmp_path.iterdir()) == []


def test_the_budget_is_used_up():
    budget = dataset.ArrayAllocator(100)
    assert not isinstance(budget.empty((20,), np.dtype("float32")), np.memmap)
    assert isinstance(budget.empty((20,), np.dtype("float32")), np.memmap)


def test_a_full_disk_says_what_it_takes(tmp_path):
    with pytest.raises(UserError, match=r"need 4000000\.0 GB on disk in .*Free that much there"):
        dataset.ArrayAllocator(0, str(tmp_path)).empty((10**15,), np.dtype("float32"))


def test_a_sample_is_smaller_and_the_same_under_a_seed(prepared, graph):
    first, again = (dataset.load(prepared.split, graph, max_rows=4, seed=1) for _ in range(2))
    assert len(first) == 4
    assert len(set(first.features["numeric"][:, 0])) == 4
    np.testing.assert_array_equal(first.features["numeric"], again.features["numeric"])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=200), st.integers(1, 2_000))
def test_a_sample_comes_from_all_over_the_split(sizes, max_rows):
    groups = [examples.RowGroup("file", index, rows) for index, rows in enumerate(sizes)]
    plan = dataset._sample(groups, max_rows, seed=0)
    counts = [len(chosen) for _, chosen in plan]
    if sum(sizes) <= max_rows:
        assert counts == sizes
    else:
        assert sum(counts) <= max_rows
        assert plan[0][0] == groups[0]
        assert plan[-1][0] == groups[-1]
    for group, chosen in plan:
        assert len(np.unique(chosen)) == len(chosen)
        assert all(0 <= row < group.rows for row in chosen)


def test_no_rows_is_an_error(graph, tmp_path):
    with pytest.raises(UserError, match="has no rows"):
        dataset.load(str(tmp_path), graph)


def test_a_row_without_a_label_is_an_error(prepared):
    spec = Spec(Label("age", "regression", "float"), prepared.spec.features)
    with pytest.raises(UserError, match="Label 'age' is missing in some rows"):
        dataset.load(prepared.split, TransformGraph(prepared.graph, spec))


def test_spec_without_weight_gives_none(prepared):
    spec = Spec(prepared.spec.label, prepared.spec.features)
    assert dataset.load(prepared.split, TransformGraph(prepared.graph, spec)).weights is None

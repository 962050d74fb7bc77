"""The statistics of tiny tables."""

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import settings
from pipeline.profile import TableProfile, profile_table


@pytest.fixture
def profiled(tmp_path: Path):
    def profiled(text: str, *sets: str) -> TableProfile:
        (tmp_path / "table.csv").write_text(text)
        return profile_table(settings.load(files=str(tmp_path / "table.csv"), label="y", sets=sets))

    return profiled


def test_profile_says_what_the_columns_look_like(profiled):
    profile = profiled("a,t,y\n" + "1,one two,no\n2,three,yes\n,one two,yes\n2,three,no\n" * 15)

    assert profile.rows == 60
    assert (profile.columns["a"].present, profile.columns["a"].distinct, profile.columns["a"].high) == (45, 2, 2)
    assert (profile.columns["t"].words, profile.columns["t"].length) == (1.5, 6.0)
    assert profile.counts == {"y": {"no": 30, "yes": 30}}


def test_rows_without_a_label_are_not_in_the_statistics(profiled):
    profile = profiled("a,y\n1,no\n2,yes\n9,\n")

    assert (profile.rows, profile.unlabelled, profile.columns["a"].high) == (2, 1, 2)
    assert profile.sample.num_rows == 2


def test_a_split_column_is_counted_by_split(profiled):
    profile = profiled("a,s,y\n1,train,no\n2,Training,yes\n3,dev,no\n4,other,no\n", "split={by: column, column: s}")

    assert profile.counts["s"] == {"Training": 1, "dev": 1, "other": 1, "train": 1}
    assert profile.split_counts == {"train": {"no": 1, "yes": 1}, "eval": {"no": 1}, "test": {}}


@pytest.mark.parametrize(
    ("options", "misfit"),
    [("numeric", "x"), ("timestamp", "1"), ("{kind: categorical, type: int}", "x"), ("text", None), ("{}", None)],
)
def test_a_value_that_is_not_what_the_configuration_says(profiled, options, misfit):
    profile = profiled("t,y\n1,no\n1.5,no\nx,yes\n", f"features.t={options}")

    assert profile.columns["t"].misfit == misfit


def test_without_the_label_only_names_and_types_are_known(profiled):
    profile = profiled("a,b\n1,no\n")

    assert [(column.name, column.type) for column in profile.columns.values()] == [("a", "BIGINT"), ("b", "VARCHAR")]


@pytest.mark.parametrize("label", ["[1]", '{"a": 1}', '"2024-01-01"'])
def test_a_label_of_any_type_is_counted(tmp_path, label):
    (tmp_path / "table.jsonl").write_text(f'{{"y": {label}}}\n' * 3)

    profile = profile_table(settings.load(files=str(tmp_path / "table.jsonl"), label="y"))

    assert list(profile.counts["y"].values()) == [3]


def test_numbers_that_float32_does_not_hold(tmp_path):
    columns = {
        "inf": [math.inf, 1.0, math.nan],
        "large": [1.0, -1e39, 2.0],
        "lists": [[1.0], [2.0, -math.inf], []],
        "fine": [3.4e38, math.nan, None],
        "y": [1.5, math.inf, 1.0],
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")

    profile = profile_table(settings.load(files=str(tmp_path / "t.parquet"), label="y"))

    found = {name: column.too_large for name, column in profile.columns.items()}
    assert found == {"inf": math.inf, "large": -1e39, "lists": math.inf, "fine": None, "y": math.inf}
    assert (profile.rows, profile.unlabelled) == (3, 0)

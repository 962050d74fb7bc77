"""Numbers that stand far apart: which are found, and the queries that take them for missing."""

import shlex

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import settings
from pipeline.profile import resolution
from pipeline.profile.queries.sentinels import sentinels

ROWS = range(300)
NUMBERS = [row * 37 % 301 / 10 for row in ROWS]  # 0 to 30
LARGEST = 3.4028234663852886e38


@pytest.fixture
def resolve(tmp_path):
    def resolve(sets=(), **columns):
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        return resolution.resolve(settings.load(files=str(tmp_path / "t.parquet"), label="y", sets=sets))

    return resolve


@pytest.mark.parametrize(
    ("extremes", "found"),
    [
        ((-999, 50, 0, 49), [-999]),
        ((-9999, 9999, -40, 50), [-9999, 9999]),
        ((-LARGEST, 9.97e36, 0.5, 9.5), [-LARGEST, 9.97e36]),
        ((0.0, 1e30, 1.0, 7.0), [1e30]),
        ((-32768, 900, 0, 899), [-32768]),
        ((0, 99, 1, 98), []),  # percent
        ((1990, 9999, 1991, 2020), [9999]),
        ((-998, 50, 0, 49), []),
        ((-999, 0, 0, -999), []),  # two values
        ((5, 99999, 10, 60_000), []),
    ],
)
def test_extremes_that_may_mean_missing(extremes, found):
    assert sentinels(*extremes) == found


def test_sentinels_are_told_and_the_query_takes_them_for_missing(resolve):
    columns = {
        "a": NUMBERS,
        "i": [-999 if row % 9 == 0 else row % 50 for row in ROWS],
        "f 32": pa.array([-LARGEST if row % 10 == 0 else row / 7 for row in ROWS], pa.float32()),
        "y": ["ab"[row // 7 % 2] for row in ROWS],
    }

    (warning,) = resolve(**columns).warnings
    again = resolve([shlex.split(warning[warning.index("--set") :])[1]], **columns)

    assert "-999 in 34 rows of `i`, -3.40282e+38 in 30 rows of `f 32`" in warning
    assert again.warnings == ()
    assert again.reasons["i"].startswith("50 different whole numbers, 0 to 49")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-999.0, "-999 in 1 rows of `y`"),
        (1e7, "the extreme value 1e+07, and 9 of 10 values are from 1.495 to 28.605"),
    ],
)
def test_an_extreme_label_is_told_and_left_out(resolve, value, words):
    columns = {
        "a": [row * row * 53 % 307 for row in ROWS],
        "y": [value if row == 3 else number for row, number in enumerate(NUMBERS)],
    }

    (warning,) = resolve(**columns).warnings
    again = resolve([shlex.split(warning[warning.index("--set") :])[1]], **columns)

    assert words in warning
    assert again.warnings == ("1 of 300 rows have no label and are left out.",)


def test_one_query_corrects_all_at_once(resolve):
    columns = {
        "a": [-999 if row % 9 == 0 else row % 50 for row in ROWS],
        "b": [("red", "Red", "blue")[row % 3] for row in ROWS],
        "c": ["free" if row % 20 == 3 else f"${number:.2f}" for row, number in enumerate(NUMBERS)],
        "y": ["ab"[row // 7 % 2] for row in ROWS],
    }

    *warnings, at_once = resolve(**columns).warnings
    again = resolve([shlex.split(at_once[at_once.index("--set") :])[1]], **columns)

    assert len(warnings) == 3
    assert at_once.startswith("To correct all of these at once: --set ")
    assert again.warnings == ()
    assert [feature.kind for feature in again.spec.features] == ["numeric", "categorical", "numeric"]

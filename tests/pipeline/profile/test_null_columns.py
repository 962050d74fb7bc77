"""Columns without a value, in all rows or in train only."""

import pytest

from core.errors import UserError
from pipeline.config import settings
from pipeline.profile import resolution

ROWS = range(300)


@pytest.fixture
def resolve(tmp_path):
    def resolve(header, cells, sets=()):
        """Resolves a table with a number `a`, a label `y`, and further cells for each row."""
        lines = [f"{row * 37 % 301}.5,{'ab'[row // 7 % 2]},{cells(row)}" for row in ROWS]
        (tmp_path / "t.csv").write_text("\n".join([f"a,y,{header}", *lines]) + "\n")
        return resolution.resolve(settings.load(files=str(tmp_path / "t.csv"), label="y", sets=sets))

    return resolve


def test_columns_without_a_value_are_ignored_with_the_reason(resolve):
    resolved = resolve(",".join(f"e{number}" for number in range(40)), lambda row: "," * 39)

    assert [feature.name for feature in resolved.spec.features] == ["a"]
    assert resolved.reasons["e39"] == "no row has a value"


def test_a_trailing_comma_is_a_column_without_a_value(resolve):
    assert [feature.name for feature in resolve("", lambda row: "").spec.features] == ["a"]


def test_a_column_that_is_null_in_train_is_ignored(resolve):
    def cells(row):
        day = f"2024-{row // 28 + 1:02}-{row % 28 + 1:02}"
        return f"{day},{row % 9 if row > 260 else ''},{row % 9 if row > 200 else ''}"

    resolved = resolve("day,late,later", cells, ["split={by: time, column: day}"])

    assert resolved.reasons["late"] == "no row of train has a value"
    assert [feature.name for feature in resolved.spec.features] == ["a", "day", "later"]
    warnings = resolve("day,late,later", cells, ["split={by: time, column: day}", "features.late=numeric"]).warnings
    (warning,) = (text for text in warnings if text.startswith("No row of train has a value of `late`"))
    assert warning.endswith("--set features.late=ignore")


def test_a_column_without_a_value_that_the_configuration_names_is_an_error(resolve):
    with pytest.raises(UserError, match="no row has a value of `e`, which the configuration names"):
        resolve("e", lambda row: "", ["features.e=numeric"])


def test_a_class_after_the_train_split_by_time_is_an_error(resolve):
    def cells(row):
        return f"2024-{row // 28 + 1:02}-{row % 28 + 1:02},{'new' if row > 250 else ('old', 'older')[row % 2]}"

    with pytest.raises(UserError, match=r"no row of the class 'new' \(rows: 240 train, 30 eval, 30 test\)"):
        resolve("day,class", cells, ["label=class", "split={by: time, column: day}"])
